// See schedule.hpp.
#include "daemon/schedule.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "daemon/reading.hpp"

namespace tb::daemon {
namespace {

using providers::Policy;
using storage::GrantState;

constexpr Millis in_use_min{600'000};
constexpr double keep_alive_at = 0.7;  // of a grant's own life, in every policy

std::optional<Due> keep_alive(const Account& account, Moment at) {
    if (!account.grant_expires_at || *account.grant_expires_at <= account.grant_obtained_at)
        return {};
    const Millis life = *account.grant_expires_at - account.grant_obtained_at;
    const BootTime obtained = to_boot(account.grant_obtained_at, at);
    const BootTime due = renew_at(obtained, life, keep_alive_at);
    // By the wall clock, as the grant's life is: one since then prolonged nothing, nor would the
    // next one.
    const auto& last = account.stats.last_success;
    if (last && *last - account.grant_obtained_at >= due - obtained) return {};
    return Due{due, "keep-alive of the grant"};
}

std::optional<Due> by_policy(const Account& account, Moment at) {
    const Slot& slot = account.slot;
    if (account.candidate_of) return Due{at.now, "a new grant proves itself"};
    const Policy policy = effective_policy(account);
    if (policy == Policy::static_token || policy == Policy::on_demand) return {};
    if (policy == Policy::when_used && !in_use(account, at)) return {};
    if (slot.hand_out.empty() || slot.expires_at == BootTime::max())
        return slot.hand_out.empty() ? std::optional(Due{at.now, "no token yet"}) : std::nullopt;
    // However short a token lives, even one that was dead when it came.
    const BootTime due =
        renew_at(slot.sent_at, slot.lifetime.value_or(Millis{0}), slot.renew_fraction);
    return Due{std::max(due, slot.sent_at + limits::renew_every_ms_min), ahead_of_expiry};
}

void earlier(std::optional<Due>& due, std::optional<Due> other) {
    if (other && (!due || other->at < due->at)) due = other;
}

}  // namespace

bool in_use(const Account& account, Moment at) {
    if (!account.watches.empty()) return true;
    const Millis span = std::max(in_use_min, account.slot.lifetime.value_or(Millis{0}));
    if (const auto& read = account.slot.last_read)
        if (*read > account.slot.sent_at || *read + span >= at.now) return true;
    if (!account.last_used) return false;
    const Millis ago = at.wall - *account.last_used;
    return ago >= Millis{0} && ago <= span;
}

std::optional<Due> next_due(const Account& account, Moment at) {
    if (account.paused || account.removed || account.state == GrantState::login_required ||
        !account.client)
        return {};
    if (account.commit_pending || account.slot.renewing()) return {};
    std::optional<Due> due;
    if (account.state == GrantState::outcome_unknown) {
        const bool defer = account.client->client->ambiguous_retry == AmbiguousRetry::defer;
        due = Due{at.now, "replay: the outcome of the last exchange is unknown"};
        const BootTime late =
            account.slot.expires_at - aim_of(account.slot.lifetime, Millis{1'000});
        if (defer && account.slot.remaining(at.now) > Millis{0} && late > at.now)
            due = Due{late, "replay, deferred until the token is nearly used up"};
        if (account.replay_at_once && !defer) return due;
    } else {
        due = by_policy(account, at);
        earlier(due, keep_alive(account, at));
    }
    if (!account.slot.waiters.empty()) earlier(due, Due{at.now, "somebody waits for it"});
    if (due && account.slot.failures_in_row > 0 && due->at < account.slot.not_before) {
        due->at = account.slot.not_before;
        due->why = account.state == GrantState::misconfigured ? "slow probe of a misconfiguration"
                                                              : "backoff after a failure";
    }
    if (account.next_probe && probes_daily(account))
        earlier(due, Due{*account.next_probe, "daily probe", Due::What::probe});
    if (account.next_probe && validates(account, at.now))
        earlier(due, Due{*account.next_probe, "its provider wants it validated", Due::What::probe});
    return due;
}

std::optional<Due> expiry_notice(const Account& account, Moment at) {
    const Slot& slot = account.slot;
    if (account.watches.empty() || account.paused || account.removed ||
        account.state == GrantState::login_required ||
        account.told_expiring == account.number_to_tell())
        return {};
    if (slot.expires_at == BootTime::max() || slot.remaining(at.now) == Millis{0}) return {};
    BootTime when = slot.expires_at - aim_of(slot.lifetime, hand_out_min(account));
    const Policy policy = effective_policy(account);
    const bool by_itself = policy == Policy::ahead || policy == Policy::when_used;
    if (by_itself && slot.failures_in_row == 0 && slot.lifetime) {
        // All is well as long as its own renewal may still be on its way.
        const BootTime answered = renew_at(slot.sent_at, *slot.lifetime, slot.renew_fraction) +
                                  limits::renewal_is_late_ms;
        when = std::clamp(answered, when, std::max(when, slot.expires_at - hand_out_min(account)));
    }
    return Due{when, "it expires soon"};
}

}  // namespace tb::daemon
