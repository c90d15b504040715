// Time, and the Clock seam. Two kinds that the compiler keeps apart:
//   BootTime  CLOCK_BOOTTIME, runs in suspend, never steps: lifetimes, deadlines, backoff.
//   WallTime  CLOCK_REALTIME, can step: shown to people, kept over a restart, never used alone to
//   trust a token.
// Nobody but SystemClock (base/system_clock.cpp) reads a clock; tests/tidy bans the calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace tb {

using Millis = std::chrono::milliseconds;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

struct BootClockTag {
    using rep = std::int64_t;
    using period = std::milli;
    using duration = Millis;
    static constexpr bool is_steady = true;
};
struct WallClockTag {
    using rep = std::int64_t;
    using period = std::milli;
    using duration = Millis;
    static constexpr bool is_steady = false;
};
using BootTime = std::chrono::time_point<BootClockTag, Millis>;  // since this boot
using WallTime = std::chrono::time_point<WallClockTag, Millis>;  // since the Unix epoch

inline std::int64_t to_ms(BootTime t) {
    return t.time_since_epoch().count();
}
inline std::int64_t to_ms(WallTime t) {
    return t.time_since_epoch().count();
}
inline BootTime boot_from_ms(std::int64_t ms) {
    return BootTime{Millis{ms}};
}
inline WallTime wall_from_ms(std::int64_t ms) {
    return WallTime{Millis{ms}};
}

// The only source of time. One Clock belongs to one thread (its io_context); callbacks run there.
class Clock {
  public:
    using TimerId = std::uint64_t;  // 0 is never an id
    virtual ~Clock() = default;
    virtual BootTime now() const = 0;
    virtual WallTime wall() const = 0;
    // Changes with every boot; equal ids make two BootTimes comparable.
    virtual std::string boot_id() const = 0;
    // `callback` runs once at or after `at`, never inside this call.
    virtual TimerId call_at(BootTime at, std::function<void()> callback) = 0;
    // After this the callback never runs. An id that already ran is ignored.
    virtual void cancel(TimerId id) = 0;
};

}  // namespace tb
