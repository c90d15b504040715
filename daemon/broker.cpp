// The loop: one heap, one timer, one gate. What is due is looked at again before anything is sent.
#include "daemon/broker.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/check.hpp"
#include "base/limits.hpp"

namespace tb::daemon {
namespace {
constexpr Millis touch_every{60'000};
}  // namespace

Broker::Broker(const Deps& deps, AccountTable& table, Audit& audit)
    : deps_(deps),
      table_(table),
      audit_(audit),
      pieces_(deps.brain),
      gate_(table.config()->exchanges_max, table.config()->exchanges_per_origin_max),
      idle_(deps.brain) {}

void Broker::begin() {
    const Moment at = moment();
    clock_offset_ = at.wall.time_since_epoch() - at.now.time_since_epoch();
    next_touch_ = at.now + touch_every;
    table_.each([this](const std::shared_ptr<Account>& account) { adopt(account); });
    arm();
}

void Broker::adopt(const std::shared_ptr<Account>& account) {
    // An open intent at load: the daemon ended between sending and storing. Only an answer of the
    // provider can tell.
    if (account->intent && account->state == storage::GrantState::good) {
        account->state = storage::GrantState::outcome_unknown;
        account->reason =
            account->name +
            ": the daemon ended while a refresh token was on its way; it is tried again";
        account->replay_at_once = true;
    }
    plan_probe(*account);
    reschedule(account);
}

void Broker::restored(const std::shared_ptr<Account>& account, bool replay) {
    account->replay_at_once = replay;
    if (account->paused) {
        forget(account, "paused");
    } else {
        const auto [event, reason] = event_of(*account, ipc::nobody_id);
        notify(*account, event, reason);
        settle_waiters(*account, account->slot);
    }
    adopt(account);
}

void Broker::replaced(const std::shared_ptr<Account>& account) {
    forget_candidate_of(*account);
    account->state = storage::GrantState::good;
    account->reason.clear();
    account->intent.reset();
    account->rejected_by_probe = false;
    account->rejected.clear();
    account->slot.failures_in_row = 0;
    account->slot.not_before = {};
    account->stats.last_success = deps_.clock.wall();
    notify(*account, "recovered", {});
    notify(*account, "new_token", {});
    settle_waiters(*account, account->slot);
    adopt(account);
}

void Broker::forget(const std::shared_ptr<Account>& account, std::string_view event) {
    heap_.remove(*account);
    const Error error{account->removed ? errc::unknown_account : errc::account_paused,
                      account->name + (account->removed ? ": was removed" : ": is paused")};
    const auto turn_away = [&](Slot& slot) {
        for (const auto& waiter : std::exchange(slot.waiters, {}))
            waiter->answer(deps_.clock, error);
    };
    turn_away(account->slot);
    for (const auto& [key, slot] : account->on_demand_slots())
        turn_away(*slot);
    if (!account->removed) return notify(*account, event, error.message);
    forget_candidate_of(*account);
    for (Watch* watch : std::exchange(account->watches, {})) {
        watch->end(*account, error.message);
        if (watch->queue()) untold_.push_back(watch->weak_from_this());
    }
    tell();
}

void Broker::arm() {
    const BootTime now = deps_.clock.now();
    BootTime at = now + limits::sleep_max_ms;
    if (!heap_.empty()) at = std::clamp(heap_.first_at(), now, at);
    if (timer_ != 0 && timer_at_ <= at && timer_at_ >= now) return;
    if (timer_ != 0) deps_.clock.cancel(timer_);
    timer_at_ = at;
    timer_ = deps_.clock.call_at(at, [this] {
        timer_ = 0;
        wake();
    });
}

void Broker::wake() {
    if (stopping_) return;
    const Moment at = moment();
    const Millis offset = at.wall.time_since_epoch() - at.now.time_since_epoch();
    if (std::chrono::abs(offset - clock_offset_) > Millis{1'000}) {
        deps_.log.notice("the wall clock was set by {} ms: deadlines of grants are looked at again",
                         (offset - clock_offset_).count());
        clock_offset_ = offset;
        spawn(deps_.brain, "reschedule", reschedule_all());
    }
    if (at.now >= next_touch_) {
        next_touch_ = at.now + touch_every;
        forget_reporters(at.now);
        spawn(deps_.brain, "touch", touch());
    }
    Turn turn(deps_.clock);  // what is left of them is due at once
    while (!heap_.empty() && heap_.first_at() <= at.now && turn.more())
        look(heap_.first());
    arm();
}

void Broker::look(Account& account) {
    const auto shared = account.shared_from_this();
    heap_.remove(account);
    const Moment at = moment();
    const auto notice = expiry_notice(account, at);
    if (notice && notice->at <= at.now) tell_of_expiry(account);
    const auto due = next_due(account, at);
    if (!due || due->at > at.now) return reschedule(shared);
    if (due->what == Due::What::probe) return probe(shared);
    request(shared, std::shared_ptr<Slot>(shared, &shared->slot), false);
}

void Broker::reschedule(const std::shared_ptr<Account>& account) {
    const Moment at = moment();
    auto due = next_due(*account, at);
    const auto notice = expiry_notice(*account, at);
    if (notice && (!due || notice->at < due->at)) due = notice;
    if (!due || stopping_) return heap_.remove(*account);
    heap_.set(*account, std::max(due->at, at.now));
    arm();
}

// While its own token is being renewed, or waits for that, nothing of it is due but this.
void Broker::await_outcome(Account& account, const Slot& slot) {
    heap_.remove(account);
    if (!slot.key.empty()) return;
    const auto notice = expiry_notice(account, moment());
    if (!notice || stopping_) return;
    heap_.set(account, notice->at);
    arm();
}

bool Broker::still_wanted(const Account& account, const Slot& slot) const {
    if (account.removed || account.paused || !account.client || account.commit_pending || stopping_)
        return false;
    if (account.state == storage::GrantState::login_required) return false;
    if (slot.kicked || slot.reported || !slot.waiters.empty()) return true;
    const auto due = next_due(account, moment());
    return slot.key.empty() && due && due->what == Due::What::renew && due->at <= deps_.clock.now();
}

void Broker::request(const std::shared_ptr<Account>& account, const std::shared_ptr<Slot>& slot,
                     bool kick) {
    if (slot->in_flight || stopping_ || !account->client) return;
    slot->kicked = slot->kicked || kick;
    if (account->commit_pending) return;
    if (!slot->kicked && slot->failures_in_row > 0 && slot->not_before > deps_.clock.now()) {
        reschedule(account);
        return settle_waiters(*account, *slot);
    }
    const std::string& origin = account->client->origin;
    const Admission admission = gate_.check(origin, deps_.clock.now(), slot->kicked);
    if (admission.kind == Admission::Kind::go) {
        slot->queued = false;
        return start(account, slot, providers::Purpose::renew);
    }
    enqueue(account, slot);
    if (admission.kind == Admission::Kind::blocked) {
        pump_at(origin, admission.until);
        settle_waiters(*account, *slot);  // they learn at once that they can't have it
    }
}

void Broker::enqueue(const std::shared_ptr<Account>& account, const std::shared_ptr<Slot>& slot) {
    OriginQueue& queue = queues_[account->client->origin];
    await_outcome(*account, *slot);
    const bool first = !std::exchange(slot->queued, true);
    if (!slot->waiters.empty() || slot->kicked)
        queue.urgent.emplace_back(
            account, slot);  // an older entry in `normal` is skipped when its turn comes
    else if (first)
        queue.normal.emplace_back(account, slot);
}

void Broker::pump(const std::string& origin) {
    const auto found = queues_.find(origin);
    if (found == queues_.end()) return;
    OriginQueue& queue = found->second;
    Turn turn(deps_.clock);  // of a million that wait, a reload may have left none who still wants
    while (!queue.urgent.empty() || !queue.normal.empty()) {
        if (!turn.more()) return pump_at(origin, deps_.clock.now());
        auto& line = queue.urgent.empty() ? queue.normal : queue.urgent;
        auto [account, slot] = line.front();
        if (!slot->queued) {  // a second entry of one that had its turn
            line.pop_front();
            continue;
        }
        slot->queued = false;  // so that it is judged as one that waits for nothing
        if (!still_wanted(*account, *slot)) {
            line.pop_front();
            slot->kicked = slot->reported = false;
            reschedule(account);
            continue;
        }
        const Admission admission = gate_.check(origin, deps_.clock.now(), slot->kicked);
        if (admission.kind == Admission::Kind::blocked) pump_at(origin, admission.until);
        slot->queued = admission.kind != Admission::Kind::go;
        if (slot->queued) return;
        line.pop_front();
        if (account->client->origin != origin)
            request(account, slot, slot->kicked);  // a reload moved its client
        else
            start(account, slot, providers::Purpose::renew);
    }
}

void Broker::pump_at(const std::string& origin, BootTime at) {
    OriginQueue& queue = queues_[origin];
    const BootTime when = std::max(at, deps_.clock.now() + Millis{1});
    if (queue.timer != 0 && queue.timer_at <= when) return;
    if (queue.timer != 0) deps_.clock.cancel(queue.timer);
    queue.timer_at = when;
    queue.timer = deps_.clock.call_at(when, [this, origin] {
        queues_[origin].timer = 0;
        pump(origin);
    });
}

void Broker::pump_all() {
    std::vector<std::string> origins;
    for (const auto& [origin, queue] : queues_)
        if (!queue.urgent.empty() || !queue.normal.empty()) origins.push_back(origin);
    for (const std::string& origin : origins)
        pump(origin);
}

void Broker::start(const std::shared_ptr<Account>& account, const std::shared_ptr<Slot>& slot,
                   providers::Purpose purpose) {
    TB_ASSERT(!slot->in_flight);
    auto attempt = std::make_shared<Attempt>();
    attempt->account = account;
    attempt->slot = slot;
    attempt->client = account->client;
    attempt->grant_version = account->grant_version;
    attempt->purpose = purpose;
    // An open intent is one too: a misconfiguration met by a replay hides the state, not the fact.
    attempt->ambiguous_before =
        account->state == storage::GrantState::outcome_unknown || account->intent.has_value();
    slot->in_flight = true;
    slot->kicked = slot->reported = false;
    slot->refused.reset();
    account->replay_at_once = false;
    await_outcome(*account, *slot);
    gate_.start(attempt->client->origin, deps_.clock.now());
    spawn(deps_.brain, "renew", renew(std::move(attempt)));
}

}  // namespace tb::daemon
