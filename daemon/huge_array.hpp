// An allocator for tables that are looked into at random: from a huge page on they lie in huge
// pages, since each look would otherwise pay for walking page tables too. Smaller ones lie as ever.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
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
        return static_cast<T*>(map(whole(bytes)));
    }
    void deallocate(T* at, std::size_t n) noexcept {
        const std::size_t bytes = n * sizeof(T);
        if (bytes < page_bytes)
            ::operator delete(at);
        else
            (void)::munmap(at, whole(bytes));
    }
    friend bool operator==(HugeArray, HugeArray) { return true; }

  private:
    static constexpr std::size_t page_bytes = 2 * 1024 * 1024;
    static std::size_t whole(std::size_t bytes) {
        return (bytes + page_bytes - 1) / page_bytes * page_bytes;
    }
    // A mapping of its own: what a table leaves when it grows goes back to the system.
    static void* map(std::size_t bytes) {
        void* found = ::mmap(nullptr, bytes + page_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED) throw std::bad_alloc();
        auto* at = static_cast<char*>(found);
        const auto place = reinterpret_cast<std::uintptr_t>(at);
        const std::size_t before = (page_bytes - place % page_bytes) % page_bytes;
        if (before > 0) (void)::munmap(at, before);
        (void)::munmap(at + before + bytes, page_bytes - before);
        (void)::madvise(at + before, bytes, MADV_HUGEPAGE);  // a wish
        return at + before;
    }
};

}  // namespace tb::daemon
