#pragma once
#include "base/limits.hpp"
namespace tb::limits {
inline constexpr std::size_t accounts_per_turn = 256;
inline constexpr std::size_t touches_per_commit_max = 512;
inline constexpr Millis breaker_probe_max_ms{15'000};
inline constexpr int idle_connections_per_origin_max_new = 128;
}
