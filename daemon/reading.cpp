// See reading.hpp.
#include "daemon/reading.hpp"

#include <algorithm>

namespace tb::daemon {

Millis aim_of(std::optional<Millis> lifetime, Millis hand_out_min) {
    constexpr Millis most{30'000};
    return lifetime ? std::max(hand_out_min, std::min(most, *lifetime / 4)) : hand_out_min;
}

ReadVerdict judge_read(const ReadFacts& facts) {
    if (facts.remaining == Millis::max())
        return facts.rejected_by_caller ? ReadVerdict::renew : ReadVerdict::serve;
    if (!facts.min_remaining) {
        const bool enough = facts.remaining >= aim_of(facts.lifetime, facts.hand_out_min);
        return enough && !facts.rejected_by_caller ? ReadVerdict::serve : ReadVerdict::renew;
    }
    const Millis need = std::max(*facts.min_remaining, facts.hand_out_min);
    if (facts.remaining >= need && !facts.rejected_by_caller) return ReadVerdict::serve;
    const std::optional<Millis> bound = facts.longest ? facts.longest : facts.lifetime;
    if (bound && need > *bound) return ReadVerdict::too_short;
    return ReadVerdict::renew;
}

bool serves_without_renewal(const ReadFacts& facts) {
    if (facts.rejected_by_caller) return false;
    const Millis need = std::max(facts.min_remaining.value_or(Millis{0}), facts.hand_out_min);
    return facts.remaining >= need;
}

}  // namespace tb::daemon
