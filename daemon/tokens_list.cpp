// ListAccounts: a walk over all accounts, a few in each turn of the brain, for whoever may see few
// of a million as well as for root. Where it stands is never told to the caller: the name of an
// account that he may not see would be. All walks share one turn each time around the loop, and
// their uids take it by turns: a thousand of one user delay no reader, and another's list by twice.
#include <boost/asio/post.hpp>
#include <utility>

#include "base/limits.hpp"
#include "daemon/tokens_service.hpp"

namespace tb::daemon {

struct TokensService::Walk {
    std::shared_ptr<ipc::Pending> pending;
    bool more = false;
    std::string after;  // the last one looked at
    bool ended = false;
    boost::json::array accounts;
    std::size_t bytes = 0;
    bool full() const { return bytes > limits::frame_bytes_max - 1024; }
    boost::json::object reply() {
        bytes = 0;
        return {{"accounts", std::exchange(accounts, {})}};
    }
};

void TokensService::list_accounts(ipc::Connection& connection, const proto::Call& call) {
    const auto walk = std::make_shared<Walk>();
    walk->pending = connection.defer();
    walk->more = call.more;
    walk_on(walk);
}

void TokensService::walk_on(const std::shared_ptr<Walk>& walk) {
    walks_[walk->pending->caller().uid].push_back(walk);
    if (!std::exchange(listing_, true)) spawn(deps_.brain, "list accounts", list_on());
}

void TokensService::list_some(Walk& walk) {
    const BootTime now = deps_.clock.now();
    Turn turn(deps_.clock);
    walk.ended = !table_.some_after(walk.after, turn, [&](Account& account) {
        if (!gatekeeper_.allows(walk.pending->caller(), account)) return true;
        const auto state = state_name(account, now);
        walk.accounts.push_back(
            {{"account", account.name}, {"provider", account.provider}, {"state", state}});
        walk.bytes += account.name.size() + account.provider.size() + state.size() + 64;
        return !walk.full();
    });
}

// The next of the next uid's.
std::shared_ptr<TokensService::Walk> TokensService::next_walk() {
    auto place = walks_.upper_bound(listed_uid_);
    if (place == walks_.end()) place = walks_.begin();
    listed_uid_ = place->first;
    const std::shared_ptr<Walk> walk = place->second.front();
    place->second.pop_front();
    if (place->second.empty()) walks_.erase(place);
    return walk;
}

// Ends: each turn looks at accounts behind those before.
awaitable<void> TokensService::list_on() {
    while (!walks_.empty()) {
        const std::shared_ptr<Walk> walk = next_walk();
        if (walk->pending->gone()) continue;
        list_some(*walk);
        tell_list(walk);
        co_await asio::post(deps_.brain, asio::use_awaitable);
    }
    listing_ = false;
}

void TokensService::tell_list(const std::shared_ptr<Walk>& walk) {
    ipc::Pending& pending = *walk->pending;
    // Without `more` there is one frame; who has more accounts asks with it.
    if (walk->ended || (walk->full() && !walk->more))
        return pending.finish(proto::make_reply(walk->reply()));
    if (walk->full()) pending.stream(proto::make_reply(walk->reply(), true));
    if (pending.gone()) return;
    if (pending.unsent_bytes() == 0) return walk_on(walk);
    pending.on_drained([this, walk] { walk_on(walk); });
}

}  // namespace tb::daemon
