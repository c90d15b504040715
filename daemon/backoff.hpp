// Exponential backoff with full jitter, pure: the n-th wait is uniform in [0, min(max, first *
// 2^(n-1))), never below a floor.
#pragma once

#include "base/random.hpp"
#include "base/time.hpp"

namespace tb::daemon {

// failures: how many in a row, 1 for the first. first_max: the first step is clamped to what is
// left of the token in hand, so that a short-lived token gets a second try before it dies.
Millis backoff(int failures, Random& random, Millis first_max);

}  // namespace tb::daemon
