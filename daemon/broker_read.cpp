// Readers: who is served, who waits, who is told why not. What must stay true: whoever waits has a
// timer, and what is withheld (paused, a refused token under `strict`) is given to none of them.
#include <algorithm>

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
    facts.rejected_by_caller = account.rejected_by(uid, slot.generation);
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
        if (slot.renewing() || !slot.waiters.empty() || slot.remaining(now) > Millis{0})
            return false;
        account.forget_rejected(slot.generation);
        return true;
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
    if (account->rejected_by(uid, slot->generation)) waiter->rejected_generation = slot->generation;
    waiter->done = std::move(done);
    waiter->deadline = deps_.clock.now() + timeout;
    BootTime wake_at = waiter->deadline;
    // What is in hand is served before it gets too old to be, and before a timer may be late.
    const ReadFacts have = facts(*account, *slot, min_remaining, uid);
    if (serves_without_renewal(have) && have.remaining != Millis::max()) {
        const Millis need = std::max(have.hand_out_min, min_remaining.value_or(Millis{0}));
        wake_at = std::min(wake_at, slot->expires_at - need - limits::timer_late_ms);
    }
    slot->waiters.push_back(waiter);
    // What the token in hand tells already needs no other.
    const bool too_short = have.remaining > Millis{0} && judge_read(have) == ReadVerdict::too_short;
    if (too_short || blocked(*account)) {
        settle_waiters(*account, *slot);
        if (!waiter->done) return waiter;  // else what stopped it has passed meanwhile
    }
    wake_waiter(wake_at, account, slot, waiter);
    request(account, slot, false);
    return waiter;
}

ReadFacts Broker::facts_for(const Waiter& waiter, const Account& account, const Slot& slot) const {
    ReadFacts have = facts(account, slot, waiter.min_remaining, ipc::nobody_id);
    have.rejected_by_caller =
        waiter.rejected_generation != 0 && waiter.rejected_generation == slot.generation;
    return have;
}

// At `when` it is given what is in hand if that serves; otherwise it waits on until its deadline:
// a timer that came too late for the token is no end of its time.
void Broker::wake_waiter(BootTime when, const std::weak_ptr<Account>& account,
                         const std::shared_ptr<Slot>& slot, const std::shared_ptr<Waiter>& waiter) {
    waiter->timer = deps_.clock.call_at(when, [this, account, slot, waiter] {
        const auto self = account.lock();
        const bool serves =
            self && !self->withheld() && serves_without_renewal(facts_for(*waiter, *self, *slot));
        if (waiter->done && self && !serves && deps_.clock.now() < waiter->deadline)
            return wake_waiter(waiter->deadline, account, slot, waiter);
        std::erase(slot->waiters, waiter);
        if (!waiter->done || !self) return;
        if (serves) return waiter->answer(deps_.clock, slot.get());
        waiter->answer(deps_.clock, waiting_error(*self, *slot));
    });
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
        const ReadFacts have = facts_for(*waiter, account, slot);
        const ReadVerdict verdict = judge_read(have);
        if (verdict == ReadVerdict::serve && !account.withheld()) {
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

}  // namespace tb::daemon
