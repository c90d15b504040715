// See backoff.hpp. A wait of less than 50 ms would be a busy loop when the jitter falls low, so
// that is the least.
#include "daemon/backoff.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace tb::daemon {

Millis backoff(int failures, Random& random, Millis first_max) {
    constexpr Millis least{50};
    const Millis first = std::clamp(first_max / 4, least, limits::backoff_first_ms);
    const int doublings = std::clamp(failures - 1, 0, 20);
    const Millis step = std::min(limits::backoff_max_ms, first * (std::int64_t{1} << doublings));
    const double wait = random.uniform(0.0, static_cast<double>(step.count()));
    return std::max(least, Millis{static_cast<std::int64_t>(wait)});
}

}  // namespace tb::daemon
