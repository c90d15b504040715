// What a new configuration, or a new client secret, means for each account: a walk in turns, since
// a million accounts take a second. What must stay true: an account changes in one step, so that
// nobody is judged by the rules of one configuration and the client section of another; and when
// the walk has ended, no account is left under the one before.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/limits.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {
namespace {

// A thousand rules of many patterns take longer than the walk was measured with: then a turn ends
// sooner.
constexpr Millis turn_max{1};

}  // namespace

awaitable<void> Broker::configured(std::vector<std::string> changed_clients) {
    gate_.set_caps(table_.config()->exchanges_max, table_.config()->exchanges_per_origin_max);
    for (const auto& [id, candidate] : std::map(candidates_))
        configure_one(*candidate, changed_clients);
    std::string after;
    while (configure_some(after, changed_clients))
        co_await asio::post(deps_.brain, asio::use_awaitable);
    if (!stopping_) pump_all();
}

// The next accounts behind `after`; false: these were the last.
bool Broker::configure_some(std::string& after, const std::vector<std::string>& changed_clients) {
    const BootTime begin = deps_.clock.now();
    std::size_t looked = 0;
    bool more = false;
    std::string_view last = after;
    table_.each_after(after, [&](Account& account) {
        more = looked == limits::accounts_per_turn ||
               (looked % 16 == 15 && deps_.clock.now() - begin > turn_max);
        if (more) return false;
        ++looked;
        last = account.name;
        configure_one(account, changed_clients);
        return true;
    });
    after = std::string(last);
    return more;
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
