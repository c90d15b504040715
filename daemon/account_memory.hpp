// Where accounts live: side by side in huge pages once there are many, since a read of a random one
// of a million would otherwise pay for walking page tables, and a start for a fault each 4 KiB.
// For std::allocate_shared alone: one object at a time, all of one size, on the brain's thread.
// Memory is reused, never given back.
#pragma once

#include <cstddef>

namespace tb::daemon {

void* take_account_memory(std::size_t bytes);
void return_account_memory(void* at, std::size_t bytes) noexcept;

template <class T>
struct AccountMemory {
    using value_type = T;
    AccountMemory() = default;
    template <class U>
    AccountMemory(const AccountMemory<U>&) {}
    T* allocate(std::size_t n) { return static_cast<T*>(take_account_memory(n * sizeof(T))); }
    void deallocate(T* at, std::size_t n) noexcept { return_account_memory(at, n * sizeof(T)); }
    friend bool operator==(AccountMemory, AccountMemory) { return true; }
};

}  // namespace tb::daemon
