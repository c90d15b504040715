// Readers: who is served, who waits, who is told why not. Also operators' kicks and reports of
// rejected tokens.
#include <algorithm>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {
namespace {

std::string key_of(const providers::Parameters& parameters) {
    std::string key;
    for (const auto& [name, value] : parameters) {
        key += name;
        key += '\0';
        key += value;
        key += '\0';
    }
    return key;
}

std::uint64_t rejected_by(const Account& account, uid_t uid) {
    for (const auto& [who, generation] : account.rejected)
        if (who == uid) return generation;
    return 0;
}

// How many of `reports` lie within the last minute; forgets the older ones.
bool within_budget(std::vector<BootTime>& reports, BootTime now, int most) {
    std::erase_if(reports, [&](BootTime at) { return at + Millis{60'000} < now; });
    return reports.size() < static_cast<std::size_t>(most);
}

}  // namespace

ReadFacts Broker::facts(const Account& account, const Slot& slot,
                        std::optional<Millis> min_remaining, uid_t uid) const {
    ReadFacts facts;
    const BootTime now = deps_.clock.now();
    facts.remaining = slot.remaining(now);
    facts.lifetime = slot.lifetime;
    facts.min_remaining = min_remaining;
    const bool expires = slot.lifetime && slot.expires_at != BootTime::max();
    if (expires && slot.came_at != BootTime{} && came_just_now(now - slot.came_at, *slot.lifetime))
        facts.newest_had = std::max(slot.expires_at - slot.came_at, Millis{0});
    if (account.client) facts.longest = account.client->traits.longest_lifetime;
    facts.hand_out_min = hand_out_min(account);
    const std::uint64_t rejected = account.rejected.empty() ? 0 : rejected_by(account, uid);
    facts.rejected_by_caller = rejected != 0 && rejected == slot.generation;
    return facts;
}

std::shared_ptr<Slot> Broker::slot_for(const std::shared_ptr<Account>& account,
                                       providers::Parameters parameters) {
    // Parameters only make a token of their own where the provider mints one for them (a static
    // token is the same for every origin).
    const bool own =
        parameters.empty() || effective_policy(*account) == providers::Policy::static_token;
    if (own) return {account, &account->slot};
    std::string key = key_of(parameters);
    OnDemandSlots& slots = account->on_demand.make();
    const auto found = slots.find(key);
    if (found != slots.end()) return found->second;
    if (slots.size() >= limits::on_demand_entries_max) forget_idle_slots(*account);
    if (slots.size() >= limits::on_demand_entries_max) return nullptr;
    auto slot = std::make_shared<Slot>();
    slot->key = key;
    slot->parameters = std::move(parameters);
    slots.emplace(std::move(key), slot);
    return slot;
}

void Broker::forget_idle_slots(Account& account) {
    const BootTime now = deps_.clock.now();
    std::erase_if(account.on_demand.make(), [&](const auto& entry) {
        const Slot& slot = *entry.second;
        return !slot.renewing() && slot.waiters.empty() && slot.remaining(now) == Millis{0};
    });
}

std::optional<Error> Broker::blocked(const Account& account) const {
    using storage::GrantState;
    const std::string& name = account.name;
    if (account.paused)
        return Error{errc::account_paused,
                     name + ": is paused; run: tokenbroker account resume " + name};
    if (!account.client)
        return Error{errc::misconfigured,
                     fmt::format("{}: the configuration has no client '{}' of provider {}; add "
                                 "[clients.{}] and run: tokenbroker reload",
                                 name, client_of(name), account.provider, client_of(name))};
    if (account.state == GrantState::login_required)
        return Error{errc::login_required, account.reason};
    // Once the slow probe is due, whoever asks may set it off: an account on demand has no timer.
    if (account.state == GrantState::misconfigured &&
        (account.slot.not_before > deps_.clock.now() || account.slot.renewing()))
        return Error{errc::misconfigured, account.reason};
    if (account.withheld())
        return Error{errc::misconfigured,
                     name +
                         ": the provider refused this token and the client section says strict; "
                         "run: tokenbroker account add " +
                         name + " --replace"};
    if (account.commit_pending)
        return Error{
            errc::provider_unavailable,
            name + ": a new token is in hand but the store can't write it: " + store_trouble_};
    return {};
}

std::shared_ptr<Waiter> Broker::wait(const std::shared_ptr<Account>& account,
                                     const std::shared_ptr<Slot>& slot,
                                     std::optional<Millis> min_remaining, uid_t uid, Millis timeout,
                                     Waiter::Done done) {
    auto waiter = std::make_shared<Waiter>();
    waiter->min_remaining = min_remaining;
    waiter->rejected_generation = account->rejected.empty() ? 0 : rejected_by(*account, uid);
    waiter->done = std::move(done);
    const BootTime now = deps_.clock.now();
    waiter->deadline = now + timeout;
    BootTime wake_at = waiter->deadline;
    // Without a promise to keep, what is in hand is served before it gets too old to be.
    const ReadFacts have = facts(*account, *slot, min_remaining, uid);
    if (serves_without_renewal(have) && have.remaining != Millis::max())
        wake_at = std::min(wake_at, slot->expires_at - std::max(have.hand_out_min,
                                                                min_remaining.value_or(Millis{0})));
    slot->waiters.push_back(waiter);
    // What the token in hand tells already needs no other.
    const bool too_short = have.remaining > Millis{0} && judge_read(have) == ReadVerdict::too_short;
    if (too_short || blocked(*account)) {
        settle_waiters(*account, *slot);
        return waiter;
    }
    const std::weak_ptr<Account> weak = account;
    waiter->timer = deps_.clock.call_at(wake_at, [this, weak, slot, waiter] {
        const auto self = weak.lock();
        std::erase(slot->waiters, waiter);
        if (!waiter->done || !self) return;
        ReadFacts late = facts(*self, *slot, waiter->min_remaining, ipc::nobody_id);
        late.rejected_by_caller =
            waiter->rejected_generation != 0 && waiter->rejected_generation == slot->generation;
        if (serves_without_renewal(late)) return waiter->answer(deps_.clock, slot.get());
        waiter->answer(deps_.clock, waiting_error(*self, *slot));
    });
    request(account, slot, false);
    return waiter;
}

void Broker::abandon(Slot& slot, const std::shared_ptr<Waiter>& waiter) {
    std::erase(slot.waiters, waiter);
    waiter->done = nullptr;
    deps_.clock.cancel(waiter->timer);
}

Error Broker::waiting_error(const Account& account, const Slot& slot) const {
    if (auto error = blocked(account)) return *error;
    if (slot.refused) {
        const errc code = slot.refused->failure == FailureClass::reauth ? errc::login_required
                                                                        : errc::misconfigured;
        return Error{code, slot.refused->reason};
    }
    const BootTime now = deps_.clock.now();
    const Admission admission = gate_.check(account.client->origin, now);
    Error error{errc::provider_unavailable, {}};
    BootTime next = now + limits::backoff_first_ms;
    if (admission.kind == Admission::Kind::blocked) {
        next = admission.until;
        error.message = fmt::format("{}: {} can't be asked now: {}", account.name,
                                    account.client->origin, admission.why);
    } else if (slot.failures_in_row > 0 && account.stats.last_failure) {
        next = std::max(next, slot.not_before);
        error.message = account.stats.last_failure->reason;
    } else {
        error.message =
            fmt::format("{}: {} has not answered in time", account.name, account.client->origin);
    }
    error.retry_after_ms = std::max<std::int64_t>(1, (next - now).count());
    return error;
}

// Called whenever something changed for those who wait: a token came, a renewal failed, the origin
// is blocked.
void Broker::settle_waiters(Account& account, Slot& slot) {
    const BootTime now = deps_.clock.now();
    const auto stopped = blocked(account);
    const Admission admission =
        account.client ? gate_.check(account.client->origin, now) : Admission{};
    std::vector<std::shared_ptr<Waiter>> stay;
    for (const auto& waiter : std::exchange(slot.waiters, {})) {
        if (!waiter->done) continue;
        ReadFacts have = facts(account, slot, waiter->min_remaining, ipc::nobody_id);
        have.rejected_by_caller =
            waiter->rejected_generation != 0 && waiter->rejected_generation == slot.generation;
        const ReadVerdict verdict = judge_read(have);
        if (verdict == ReadVerdict::serve) {
            waiter->answer(deps_.clock, &slot);
            continue;
        }
        const bool gave_up =
            !slot.renewing() && (!slot.key.empty() || slot.not_before > waiter->deadline);
        const bool hopeless =
            stopped || slot.refused || admission.kind == Admission::Kind::blocked || gave_up;
        if (verdict == ReadVerdict::too_short && !stopped) {
            const Millis longest = longest_of(have);
            Error error{errc::lifetime_too_short,
                        fmt::format("{}: no token of it lasts that long; the longest is {} ms",
                                    account.name, longest.count())};
            error.longest_ms = longest.count();
            waiter->answer(deps_.clock, error);
        } else if (hopeless) {
            if (!account.withheld() && serves_without_renewal(have))
                waiter->answer(deps_.clock, &slot);
            else
                waiter->answer(deps_.clock, waiting_error(account, slot));
        } else {
            stay.push_back(waiter);
        }
    }
    for (const auto& waiter : slot.waiters)
        stay.push_back(waiter);  // those that came while we answered
    slot.waiters = std::move(stay);
}

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
    if (slot->in_flight || blocked(*account)) return slot->in_flight;
    const BootTime now = deps_.clock.now();
    const bool is_static = effective_policy(*account) == providers::Policy::static_token;
    // A probe waits for nothing: where the origin can't be asked now, a later report sets it off.
    if (is_static && (!account->client->traits.probes ||
                      gate_.check(account->client->origin, now).kind != Admission::Kind::go))
        return false;
    if (now - slot->sent_at < account->client->traits.min_age_at_report && !is_static) return false;
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
    std::erase_if(account->rejected, [&](const auto& entry) { return entry.first == uid; });
    account->rejected.emplace_back(uid, generation);
    slot->reported = true;
    request(account, slot, false);
    return slot->renewing();
}

}  // namespace tb::daemon
