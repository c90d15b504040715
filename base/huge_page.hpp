// Memory in huge pages, for what is read at random: else each look pays for walking page tables
// too.
#pragma once

#include <cstddef>

namespace tb {

inline constexpr std::size_t huge_page_bytes = 2 * 1024 * 1024;

// A mapping of its own, zeroed, that begins where a huge page does; `bytes` is a multiple of one.
// That they are huge is a wish. nullptr: there is no memory. To be given back by munmap(2).
void* map_huge_pages(std::size_t bytes);

}  // namespace tb
