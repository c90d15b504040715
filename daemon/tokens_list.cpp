// ListAccounts: a walk over all accounts, a few in each turn of the brain, for whoever may see few
// of a million as well as for root. Where it stands is never told to the caller: the name of an
// account that he may not see would be.
#include <boost/asio/post.hpp>

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
    spawn(deps_.brain, "list accounts", list_on(walk));
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

awaitable<void> TokensService::list_on(std::shared_ptr<Walk> walk) {
    const auto room = std::make_shared<Event>(deps_.brain);
    walk->pending->on_gone([room] { room->notify_all(); });
    for (;;) {  // ends: each turn looks at accounts behind those before
        if (walk->pending->gone()) co_return;
        list_some(*walk);
        // Without `more` there is one frame; who has more accounts asks with it.
        if (walk->ended || (walk->full() && !walk->more)) break;
        if (walk->full()) {
            walk->pending->stream(proto::make_reply(walk->reply(), true));
            while (walk->pending->unsent_bytes() > 0 && !walk->pending->gone()) {
                walk->pending->on_drained([room] { room->notify_all(); });
                co_await room->wait();
            }
        }
        co_await asio::post(deps_.brain, asio::use_awaitable);
    }
    walk->pending->finish(proto::make_reply(walk->reply()));
}

}  // namespace tb::daemon
