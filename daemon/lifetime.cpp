// See lifetime.hpp. Sums saturate: stored values come from a disk and may be anything.
#include "daemon/lifetime.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace tb::daemon {
namespace {
constexpr Millis far_off{std::int64_t{100} * 365 *
                         86'400'000};  // a century, and no sum of two overflows

Millis clamped(Millis value) {
    return std::clamp(value, -far_off, far_off);
}
}  // namespace

Life life_of(const storage::TokenRecord& token, Moment at, std::string_view boot_id) {
    if (!token.lifetime) return Life{token.sent_at, BootTime::max()};
    const Millis lifetime = std::clamp(*token.lifetime, Millis{0}, limits::lifetime_max_ms);
    if (token.boot_id == boot_id && token.sent_at <= at.now)
        return Life{token.sent_at, token.sent_at + lifetime};
    const Millis age = clamped(at.wall - token.sent_wall);
    if (age < Millis{0}) return Life{at.now - lifetime, at.now};  // issued in the future: expired
    const BootTime sent = at.now - age;
    return Life{sent, sent + lifetime};
}

BootTime renew_at(BootTime sent_at, Millis lifetime, double fraction) {
    const double ms = static_cast<double>(lifetime.count()) * std::clamp(fraction, 0.0, 1.0);
    return sent_at + Millis{static_cast<std::int64_t>(ms)};
}

BootTime to_boot(WallTime when, Moment at) {
    return at.now + clamped(when - at.wall);
}

}  // namespace tb::daemon
