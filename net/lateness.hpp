// How a deadline ends an exchange that has spent a grant. When this process or this machine stood
// still (a suspend, SIGSTOP, a starved host) the timer and the socket are ready in one turn, in any
// order: the answer may stand in the socket unread, and the peer had less time than it was given.
// Pure.
#pragma once

#include <algorithm>
#include <optional>

#include "base/limits.hpp"
#include "base/time.hpp"

namespace tb::net {

// How much longer to listen when a deadline is looked at `late` after it was due: as long as we
// were away, within bounds. The first time at least a moment, for what stands in the socket even if
// we came back just in time; later only if we were away again. `before`: the times it was put off.
inline std::optional<Millis> put_off(Millis late, int before) {
    if (before >= limits::put_off_max) return std::nullopt;
    if (before > 0 && late < limits::late_min_ms) return std::nullopt;
    return std::clamp(late, limits::late_min_ms, limits::put_off_max_ms);
}

}  // namespace tb::net
