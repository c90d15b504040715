// See origin_gate.hpp.
#include "daemon/origin_gate.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "daemon/backoff.hpp"

namespace tb::daemon {
namespace {
constexpr Millis incident_pause{
    300'000};  // long enough for somebody to look, short against any token's life
}

void OriginGate::set_caps(int exchanges_max, int per_origin_max) {
    all_max_ = exchanges_max;
    each_max_ = per_origin_max;
}

const OriginGate::Origin* OriginGate::find(std::string_view origin) const {
    const auto found = origins_.find(origin);
    return found == origins_.end() ? nullptr : &found->second;
}

OriginGate::Origin& OriginGate::at(std::string_view origin) {
    const auto found = origins_.find(origin);
    return found != origins_.end() ? found->second : origins_[std::string(origin)];
}

Admission OriginGate::check(std::string_view origin, BootTime now, bool kick) const {
    using Kind = Admission::Kind;
    if (const Origin* known = find(origin)) {
        if (known->paused_until > now && !kick)
            return {Kind::blocked, known->paused_until, "it refused many grants at once"};
        if (known->asked_until > now)
            return {Kind::blocked, known->asked_until, "it asked to wait (Retry-After)"};
        if (known->breaker_steps > 0 && !kick) {
            if (known->breaker_until > now)
                return {Kind::blocked, known->breaker_until, "it failed several times in a row"};
            if (known->probing)
                return {Kind::blocked, now + limits::backoff_first_ms, "it is being probed"};
        }
        if (known->in_flight >= each_max_) return {Kind::full, {}, "its exchanges are all in use"};
    }
    if (in_flight_ >= all_max_) return {Kind::full, {}, "all exchanges are in use"};
    return {};
}

void OriginGate::start(std::string_view origin, BootTime now) {
    Origin& known = at(origin);
    ++known.in_flight;
    ++in_flight_;
    if (known.breaker_steps > 0 && known.breaker_until <= now) known.probing = true;
}

void OriginGate::finish(std::string_view origin, BootTime now, OriginResult result,
                        Millis retry_after, Random& random) {
    Origin& known = at(origin);
    TB_ASSERT(known.in_flight > 0 && in_flight_ > 0);
    --known.in_flight;
    --in_flight_;
    if (retry_after > Millis{0})
        known.asked_until =
            std::max(known.asked_until, now + std::min(retry_after, limits::retry_after_max_ms));
    if (result == OriginResult::neutral) {
        known.probing = false;
        return;
    }
    if (result == OriginResult::answered) {
        known.failures_in_row = 0;
        known.breaker_steps = 0;
        known.probing = false;
        return;
    }
    ++known.failures_in_row;
    const bool was_probe = known.probing;
    known.probing = false;
    if (known.failures_in_row < limits::breaker_failures) return;
    // Exchanges that were under way when it opened don't push it further: only a failed probe does.
    if (known.breaker_steps > 0 && !was_probe) return;
    ++known.breaker_steps;
    const Millis wait = backoff(known.breaker_steps, random, limits::backoff_max_ms);
    known.breaker_until =
        std::max(now + std::min(wait, limits::breaker_probe_max_ms), known.asked_until);
}

bool OriginGate::note_refusal(std::string_view origin, BootTime now) {
    Origin& known = at(origin);
    while (!known.refusals.empty() && known.refusals.front() + Millis{60'000} < now)
        known.refusals.pop_front();
    known.refusals.push_back(now);
    if (known.refusals.size() <=
        static_cast<std::size_t>(limits::refusals_per_origin_per_minute_max))
        return false;
    known.refusals.pop_front();
    known.paused_until = now + incident_pause;
    return true;
}

std::vector<OriginGate::Alarm> OriginGate::alarms(BootTime now) const {
    std::vector<Alarm> all;
    for (const auto& [name, known] : origins_) {
        if (known.paused_until > now)
            all.push_back({name, "refused many grants within a minute: paused, the grants are kept",
                           known.paused_until});
        else if (known.breaker_steps > 0)
            all.push_back(
                {name, "failed several times in a row: one probe at a time", known.breaker_until});
    }
    return all;
}

}  // namespace tb::daemon
