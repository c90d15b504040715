// What the broker says of itself, what it stores from time to time, and how it ends.
#include <algorithm>
#include <utility>

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
    for (const auto& alarm : gate_.alarms(now))
        all.push_back(fmt::format("{} {}; next try in {} s", alarm.origin, alarm.text,
                                  std::max<std::int64_t>(0, (alarm.until - now).count() / 1000)));
    return all;
}

Admission Broker::admission(const Account& account) const {
    return account.client ? gate_.check(account.client->origin, deps_.clock.now()) : Admission{};
}

awaitable<void> Broker::touch() {
    auto change = std::make_shared<storage::Change>(storage::Touch{});
    auto& touched = std::get<storage::Touch>(*change).last_used;
    const Moment at = moment();
    table_.each([&](const std::shared_ptr<Account>& account) {
        const auto& read = account->slot.last_read;
        if (!read) return;
        const WallTime used = at.wall - (at.now - *read);
        if (account->last_used && used - *account->last_used < Millis{1'000}) return;
        account->last_used = used;
        touched.emplace_back(account->id, used);
    });
    if (touched.empty()) co_return;
    const auto stored = co_await deps_.store.commit(change);
    if (!stored)
        deps_.log.warning("the last uses of accounts could not be stored: {}",
                          stored.error().message);
}

awaitable<void> Broker::stop() {
    stopping_ = true;
    if (timer_ != 0) deps_.clock.cancel(std::exchange(timer_, 0));
    for (auto& [origin, queue] : queues_)
        if (queue.timer != 0) deps_.clock.cancel(std::exchange(queue.timer, 0));
    while (gate_.in_flight() > 0 || revocations_ > 0)
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
