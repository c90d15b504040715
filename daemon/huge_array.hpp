// An allocator for tables that are looked into at random: from a huge page on they lie in huge
// pages, in a mapping of their own, so that what a table leaves when it grows goes back to the
// system. Smaller ones lie as ever.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

#include "base/huge_page.hpp"

namespace tb::daemon {

template <class T>
struct HugeArray {
    using value_type = T;
    HugeArray() = default;
    template <class U>
    HugeArray(const HugeArray<U>&) {}

    T* allocate(std::size_t n) {
        const std::size_t bytes = n * sizeof(T);
        if (bytes < huge_page_bytes) return static_cast<T*>(::operator new(bytes));
        void* at = map_huge_pages(whole(bytes));
        if (at == nullptr) throw std::bad_alloc();
        return static_cast<T*>(at);
    }
    void deallocate(T* at, std::size_t n) noexcept {
        const std::size_t bytes = n * sizeof(T);
        if (bytes < huge_page_bytes)
            ::operator delete(at);
        else
            (void)::munmap(at, whole(bytes));
    }
    friend bool operator==(HugeArray, HugeArray) { return true; }

  private:
    static std::size_t whole(std::size_t bytes) {
        return (bytes + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
    }
};

}  // namespace tb::daemon
