// See huge_page.hpp. A page more is asked for, and what stands over before and behind is given
// back.
#include "base/huge_page.hpp"

#include <sys/mman.h>

#include <cstdint>

#include "base/check.hpp"

namespace tb {

void* map_huge_pages(std::size_t bytes) {
    TB_ASSERT(bytes > 0 && bytes % huge_page_bytes == 0);
    void* found = mmap(nullptr, bytes + huge_page_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) return nullptr;
    auto* at = static_cast<char*>(found);
    const auto place = reinterpret_cast<std::uintptr_t>(at);
    const std::size_t before = (huge_page_bytes - place % huge_page_bytes) % huge_page_bytes;
    if (before > 0) (void)munmap(at, before);
    (void)munmap(at + before + bytes, huge_page_bytes - before);
    (void)madvise(at + before, bytes, MADV_HUGEPAGE);
    return at + before;
}

}  // namespace tb
