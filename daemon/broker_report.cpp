// What comes from outside to set a renewal off: an operator's kick, and a caller's report that the
// token in hand is refused. Both are bounded: a kick by who may send one, a report by its budget.
#include <algorithm>

#include "base/limits.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {
namespace {

// How many of `reports` lie within the last minute; forgets the older ones.
bool within_budget(std::vector<BootTime>& reports, BootTime now, int most) {
    std::erase_if(reports, [&](BootTime at) { return at + Millis{60'000} < now; });
    return reports.size() < static_cast<std::size_t>(most);
}

}  // namespace

void Broker::kick(const std::shared_ptr<Account>& account, Millis timeout, Waiter::Done done) {
    if (stopping_) return done(Error{errc::provider_unavailable, "the daemon is stopping"});
    const std::shared_ptr<Slot> slot(account, &account->slot);
    auto waiter = std::make_shared<Waiter>();
    waiter->rejected_generation = slot->generation;  // only a newer one, or an error, answers it
    waiter->first_outcome = true;
    waiter->deadline = deps_.clock.now() + timeout;
    waiter->done = std::move(done);
    slot->failures_in_row = 0;
    slot->not_before = {};
    if (account->state == storage::GrantState::misconfigured)
        account->state = storage::GrantState::good;
    waiter->timer = deps_.clock.call_at(waiter->deadline, [this, account, slot, waiter] {
        std::erase(slot->waiters, waiter);
        waiter->answer(deps_.clock, waiting_error(*account, *slot));
    });
    slot->waiters.push_back(waiter);
    if (effective_policy(*account) == providers::Policy::static_token) {
        if (slot->in_flight) return;
        const std::string& origin = account->client->origin;
        if (gate_.check(origin, deps_.clock.now(), true).kind == Admission::Kind::go)
            return start(account, slot, providers::Purpose::probe);
        return answer_operators(*slot, waiting_error(*account, *slot));
    }
    request(account, slot, true);
}

Result<bool> Broker::report_rejected(const std::shared_ptr<Account>& account,
                                     const std::shared_ptr<Slot>& slot, uid_t uid,
                                     std::uint64_t generation) {
    if (generation == 0 || generation != slot->generation || slot->hand_out.empty()) return false;
    const BootTime now = deps_.clock.now();
    const bool is_static = effective_policy(*account) == providers::Policy::static_token;
    const bool old_enough =
        account->client && now - slot->sent_at >= account->client->traits.min_age_at_report;
    if (slot->in_flight || blocked(*account)) {
        // No renewal for its sake, but what it was refused with it isn't given again.
        if (!is_static && old_enough) account->reject(uid, generation);
        return slot->in_flight;
    }
    // A probe waits for nothing: where the origin can't be asked now, a later report sets it off.
    if (is_static && (!account->client->traits.probes ||
                      gate_.check(account->client->origin, now).kind != Admission::Kind::go))
        return false;
    if (!old_enough && !is_static) return false;
    if (!within_budget(account->reports.make(), now, limits::reports_per_account_per_minute_max) ||
        !within_budget(caller_reports_[uid], now, limits::reports_per_caller_per_minute_max)) {
        Error error{errc::too_many_requests,
                    account->name + ": reported as refused too often within a minute"};
        error.retry_after_ms = 60'000;
        return error;
    }
    account->reports->push_back(now);
    caller_reports_[uid].push_back(now);
    deps_.log.notice("{}: uid {} reports that generation {} is refused", account->name, uid,
                     generation);
    if (is_static) {  // one probe tells; a static token is never dropped by a report alone
        start(account, slot, providers::Purpose::probe);
        return true;
    }
    account->reject(uid, generation);
    slot->reported = true;
    request(account, slot, false);
    return slot->renewing();
}

// Each minute.
void Broker::forget_reporters(BootTime now) {
    std::erase_if(caller_reports_, [now](const auto& entry) {
        return entry.second.empty() || entry.second.back() + Millis{60'000} < now;
    });
}

}  // namespace tb::daemon
