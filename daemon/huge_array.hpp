// An allocator for tables that are looked into at random: from a huge page on they lie in huge
// pages, since each look would otherwise pay for walking page tables too. Smaller ones lie as ever.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace tb::daemon {

template <class T>
struct HugeArray {
    using value_type = T;
    HugeArray() = default;
    template <class U>
    HugeArray(const HugeArray<U>&) {}

    T* allocate(std::size_t n) {
        const std::size_t bytes = n * sizeof(T);
        if (bytes < page_bytes) return static_cast<T*>(::operator new(bytes));
        const std::size_t whole = (bytes + page_bytes - 1) / page_bytes * page_bytes;
        void* at = ::operator new(whole, std::align_val_t{page_bytes});
        (void)::madvise(at, whole, MADV_HUGEPAGE);  // a wish
        return static_cast<T*>(at);
    }
    void deallocate(T* at, std::size_t n) noexcept {
        if (n * sizeof(T) < page_bytes)
            ::operator delete(at);
        else
            ::operator delete(at, std::align_val_t{page_bytes});
    }
    friend bool operator==(HugeArray, HugeArray) { return true; }

  private:
    static constexpr std::size_t page_bytes = 2 * 1024 * 1024;
};

}  // namespace tb::daemon
