// See reading.hpp.
#include "daemon/reading.hpp"

#include <algorithm>

namespace tb::daemon {

Millis aim_of(std::optional<Millis> lifetime, Millis hand_out_min) {
    constexpr Millis most{30'000};
    return lifetime ? std::max(hand_out_min, std::min(most, *lifetime / 4)) : hand_out_min;
}

bool came_just_now(Millis ago, Millis lifetime) {
    constexpr Millis most{30'000};
    constexpr Millis least{1'000};  // of one that was dead when it came, too
    return ago < std::clamp(lifetime / 10, least, most);
}

ReadVerdict judge_read(const ReadFacts& facts) {
    if (facts.remaining == Millis::max())
        return facts.rejected_by_caller ? ReadVerdict::renew : ReadVerdict::serve;
    const Millis need = facts.min_remaining ? std::max(*facts.min_remaining, facts.hand_out_min)
                                            : aim_of(facts.lifetime, facts.hand_out_min);
    if (facts.remaining >= need && !facts.rejected_by_caller) return ReadVerdict::serve;
    const std::optional<Millis> bound = facts.longest ? facts.longest : facts.lifetime;
    if (facts.min_remaining && bound && need > *bound) return ReadVerdict::too_short;
    if (facts.rejected_by_caller || !facts.newest_had || need <= *facts.newest_had)
        return ReadVerdict::renew;
    return !facts.min_remaining && serves_without_renewal(facts) ? ReadVerdict::serve
                                                                 : ReadVerdict::too_short;
}

Millis longest_of(const ReadFacts& facts) {
    const Millis life = facts.longest.value_or(facts.lifetime.value_or(Millis{0}));
    return facts.newest_had ? std::min(life, *facts.newest_had) : life;
}

bool serves_without_renewal(const ReadFacts& facts) {
    if (facts.rejected_by_caller) return false;
    const Millis need = std::max(facts.min_remaining.value_or(Millis{0}), facts.hand_out_min);
    return facts.remaining >= need;
}

}  // namespace tb::daemon
