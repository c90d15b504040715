// TB_ASSERT: a broken promise of our own code. Stays on in release: a broker that goes on with a
// broken invariant could spend a grant twice. Prints the place and the text, never a value, and
// aborts.
#pragma once

#include <string_view>

namespace tb {
[[noreturn]] void assertion_failed(std::string_view text, std::string_view file, int line);
}

#define TB_ASSERT(condition)                                        \
    do {                                                            \
        if (!(condition)) [[unlikely]]                              \
            ::tb::assertion_failed(#condition, __FILE__, __LINE__); \
    } while (false)
