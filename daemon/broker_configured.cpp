// What a new configuration, or a new client secret, means for each account: a walk in turns, since
// a million accounts take a second. What must stay true: an account changes in one step, so that
// nobody is judged by the rules of one configuration and the client section of another; and when
// the walk has ended, no account is left under the one before.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "daemon/broker.hpp"

namespace tb::daemon {

awaitable<void> Broker::configured(std::vector<std::string> changed_clients) {
    gate_.set_caps(table_.config()->exchanges_max, table_.config()->exchanges_per_origin_max);
    storage::AccountId candidate = 0;
    while (configure_candidates(candidate, changed_clients))
        co_await asio::post(deps_.brain, asio::use_awaitable);
    std::string after;
    while (configure_some(after, changed_clients))
        co_await asio::post(deps_.brain, asio::use_awaitable);
    if (!stopping_) pump_all();
}

// Both: the next ones behind `after`; false: these were the last.
bool Broker::configure_some(std::string& after, const std::vector<std::string>& changed_clients) {
    Turn turn(deps_.clock);
    return table_.some_after(after, turn, [&](Account& account) {
        configure_one(account, changed_clients);
        return true;
    });
}

// One that comes meanwhile, in front of them or behind, is under the new configuration already.
bool Broker::configure_candidates(storage::AccountId& after,
                                  const std::vector<std::string>& changed_clients) {
    Turn turn(deps_.clock);
    for (auto next = candidates_.upper_bound(after); next != candidates_.end();
         next = candidates_.upper_bound(after)) {
        if (!turn.more()) return true;
        after = next->first;
        const std::shared_ptr<Account> candidate = next->second;
        configure_one(*candidate, changed_clients);
    }
    return false;
}

// While the daemon stops the rules still change, but nothing is planned any more.
void Broker::configure_one(Account& account, const std::vector<std::string>& changed_clients) {
    table_.attach(account);
    if (stopping_) return;
    if (std::ranges::find(changed_clients, client_of(account.name)) != changed_clients.end()) {
        account.slot.failures_in_row = 0;  // what was wrong may be right now
        account.slot.not_before = {};
    }
    plan_probe(account);
    reschedule(account.shared_from_this());
}

}  // namespace tb::daemon
