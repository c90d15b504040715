// What the broker says of itself, what it stores from time to time, and how it ends.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/limits.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {

std::vector<std::string> Broker::alarms() const {
    std::vector<std::string> all;
    const BootTime now = deps_.clock.now();
    if (commits_pending_ > 0)
        all.push_back(fmt::format(
            "{} new grant(s) wait in memory because the store can't write: {}; free the disk, "
            "don't stop the daemon",
            commits_pending_, store_trouble_));
    else if (std::string trouble = deps_.store.trouble(); !trouble.empty())
        all.push_back(std::move(trouble));
    for (const auto& alarm : gate_.alarms(now))
        all.push_back(fmt::format("{} {}; next try in {} s", alarm.origin, alarm.text,
                                  std::max<std::int64_t>(0, (alarm.until - now).count() / 1000)));
    return all;
}

Admission Broker::admission(const Account& account) const {
    return account.client ? gate_.check(account.client->origin, deps_.clock.now()) : Admission{};
}

// In turns of a few accounts and commits of a few rows: a million accounts hold up neither readers
// nor renewals.
awaitable<void> Broker::touch() {
    std::string after;
    for (bool more = true; more;) {
        auto change = std::make_shared<storage::Change>(storage::Touch{});
        while (more &&
               std::get<storage::Touch>(*change).last_used.size() + limits::accounts_per_turn <=
                   limits::touches_per_commit_max) {
            more = touch_some(after, std::get<storage::Touch>(*change));
            co_await asio::post(deps_.brain, asio::use_awaitable);
        }
        if (std::get<storage::Touch>(*change).last_used.empty()) continue;
        const auto stored = co_await deps_.store.commit(change);
        if (!stored)
            deps_.log.warning("the last uses of accounts could not be stored: {}",
                              stored.error().message);
    }
}

// The next accounts behind `after`; false: these were the last.
bool Broker::touch_some(std::string& after, storage::Touch& touch) {
    const Moment at = moment();
    Turn turn(deps_.clock);
    return table_.some_after(after, turn, [&](Account& account) {
        const auto& read = account.slot.last_read;
        if (!read) return true;
        const WallTime used = at.wall - (at.now - *read);
        if (account.last_used && used - *account.last_used < Millis{1'000}) return true;
        account.last_used = used;
        touch.last_used.emplace_back(account.id, used);
        return true;
    });
}

// After a step of the wall clock, which moved every deadline of a grant.
awaitable<void> Broker::reschedule_all() {
    std::string after;
    for (bool more = true; more && !stopping_;) {
        Turn turn(deps_.clock);
        more = table_.some_after(after, turn, [this](Account& account) {
            reschedule(account.shared_from_this());
            return true;
        });
        co_await asio::post(deps_.brain, asio::use_awaitable);
    }
}

awaitable<void> Broker::set_state(std::shared_ptr<Attempt> attempt, storage::GrantState state,
                                  std::string reason, bool clear_intent, bool retire) {
    Account& account = *attempt->account;
    auto change = std::make_shared<storage::Change>(
        storage::SetState{account.id, attempt->grant_version, state, reason, clear_intent, retire});
    const Result<storage::Committed> stored = co_await deps_.store.commit(change);
    if (!stored &&
        (stored.error().code == errc::superseded || stored.error().code == errc::not_found))
        co_return;
    // A state that could not be stored still holds in this process; after a restart the open intent
    // tells the same story. Of a refusal it would tell too little: the grant would be sent again.
    if (!stored) {
        deps_.log.error("{}: its state could not be stored: {}", account.name,
                        stored.error().message);
        if (state == storage::GrantState::login_required) store_later(attempt->account, change);
    }
    account.state = state;
    account.reason = std::move(reason);
    if (clear_intent) account.intent.reset();
}

void Broker::store_later(const std::shared_ptr<Account>& account,
                         std::shared_ptr<storage::Change> change) {
    ++stored_later_;
    spawn(deps_.brain, "store-later", keep_storing(account, std::move(change)));
}

awaitable<void> Broker::keep_storing(std::shared_ptr<Account> account,
                                     std::shared_ptr<storage::Change> change) {
    constexpr Millis wait{2'000};  // a stop waits no longer than this
    while (!stopping_) {
        co_await sleep_until(deps_.clock, deps_.clock.now() + wait);
        const bool over =
            !account->removed && account->state != storage::GrantState::login_required;
        if (over) break;
        if (account->slot.in_flight) continue;
        const Result<storage::Committed> stored = co_await deps_.store.commit(change);
        if (stored) {
            account->grant_version = std::max(account->grant_version, stored->grant_version);
            deps_.log.notice("{}: its state is stored now", account->name);
        }
        if (stored || !is_of_store(stored.error())) break;
    }
    if (account->candidate_of && account->removed && !stopping_ &&
        candidate_for(*account->candidate_of) == account.get())
        candidates_.erase(account->candidate_of->id);
    --stored_later_;
    idle_.notify_all();
}

awaitable<void> Broker::stop() {
    stopping_ = true;
    if (timer_ != 0) deps_.clock.cancel(std::exchange(timer_, 0));
    for (auto& [origin, queue] : queues_)
        if (queue.timer != 0) deps_.clock.cancel(std::exchange(queue.timer, 0));
    while (gate_.in_flight() > 0 || revocations_ > 0 || stored_later_ > 0)
        co_await idle_.wait();
    // Operators that still wait are told: no timer of theirs may come after this.
    const Error ending{errc::provider_unavailable, "the daemon is stopping"};
    table_.each(
        [&](const std::shared_ptr<Account>& account) { answer_operators(account->slot, ending); });
    for (const auto& [id, candidate] : std::map(candidates_))
        answer_operators(candidate->slot, ending);
    co_await touch();
}

}  // namespace tb::daemon
