// Whether a unit test was built with ASan or TSan: these have their own operator new, and a run of
// all points takes five times as long, so a sweep that dev runs whole is sampled there.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TB_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TB_SANITIZED 1
#endif
#endif
#ifndef TB_SANITIZED
#define TB_SANITIZED 0
#endif

namespace tb::test {
constexpr int fewer(int usual, int sanitized) {
    return TB_SANITIZED ? sanitized : usual;
}
}  // namespace tb::test
