// The end of a process that leaves its threads and objects as they are. Where LeakSanitizer is
// linked in, it looks for leaks first, as it does at an ordinary exit.
#pragma once

#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define TB_LEAK_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TB_LEAK_SANITIZER 1
#endif
#endif
#ifdef TB_LEAK_SANITIZER
extern "C" void __lsan_do_leak_check();  // sanitizer/lsan_interface.h
#endif

namespace tb {

[[noreturn]] inline void end_process(int code) {
#ifdef TB_LEAK_SANITIZER
    __lsan_do_leak_check();
#endif
    std::_Exit(code);
}

}  // namespace tb
