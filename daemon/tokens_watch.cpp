// WatchTokens: subscriptions and their ends.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/limits.hpp"
#include "daemon/arguments.hpp"
#include "daemon/errors.hpp"
#include "daemon/tokens_service.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {
void TokensService::watch_tokens(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    auto names = arguments.texts("accounts", limits::watches_per_call_max,
                                 limits::account_name_bytes_max, true);
    std::string wrong = arguments.wrong();
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (wrong.empty() && names.empty()) wrong = "accounts";
    if (!wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    if (!ipc::says_more(connection, call)) return;
    std::vector<std::shared_ptr<Account>> accounts;
    std::vector<std::optional<Witnessed>> witnessed;  // of each
    for (const std::string& name : names) {
        auto account = permitted(connection.caller(), name, call.method_name());
        if (!account) {
            connection.out() += tokens_error(name, Error{errc::unknown_account, name});
            return;
        }
        const Witnessed* read = gatekeeper_.witnessed(connection.caller());
        witnessed.push_back(read != nullptr ? std::optional(*read) : std::nullopt);
        accounts.push_back(std::move(account));
    }
    const uid_t uid = connection.caller().uid;
    const int count = static_cast<int>(accounts.size());
    if (!deps_.ipc_limits->add_watches(uid, count)) {
        connection.out() +=
            tokens_error(names.front(), Error{errc::too_many_requests, names.front()});
        return;
    }
    const auto pending = connection.defer();
    const auto watch = std::make_shared<Watch>(pending, gatekeeper_, deps_.clock);
    watches_.emplace(watch.get(), watch);
    pending->on_gone([this, key = watch.get(), uid, count] {
        deps_.ipc_limits->remove_watches(uid, count);
        end_watch(key);
    });
    const BootTime now = deps_.clock.now();
    for (std::size_t i = 0; i < accounts.size(); ++i)
        gatekeeper_.handed_out_later(connection.caller(), witnessed[i], *accounts[i],
                                     accounts[i]->slot.generation, now, "WatchTokens");
    for (const auto& account : accounts) {
        watch->add(account);
        const auto [event, reason] = broker_.event_of(*account, uid);
        watch->mark(*account, event, reason);
        watch->flush();
        broker_.reschedule(account);  // watching is using: an idle account is renewed from now on
    }
}

void TokensService::end_watch(const Watch* watch) {
    const auto found = watches_.find(watch);
    if (found == watches_.end()) return;
    const auto kept = found->second;
    watches_.erase(found);
    for (const auto& account : kept->accounts())
        kept->drop(*account);
}

// Every account is under the new configuration before this begins, so a watch that comes meanwhile
// was judged by it, wherever its place in the map is.
awaitable<void> TokensService::recheck_watches() {
    Turn turn(deps_.clock);
    const Watch* after = nullptr;
    for (auto next = watches_.upper_bound(after); next != watches_.end();
         next = watches_.upper_bound(after)) {
        after = next->first;
        const std::shared_ptr<Watch> watch = next->second;  // ends at any turn
        const std::vector<std::shared_ptr<Account>> accounts = watch->accounts();
        for (std::size_t i = 0; i < std::max<std::size_t>(accounts.size(), 1); ++i) {
            if (!turn.more()) {  // one of nothing is a step too
                co_await asio::post(deps_.brain, asio::use_awaitable);
                turn = Turn(deps_.clock);
                (void)turn.more();
            }
            if (i < accounts.size()) recheck(*watch, *accounts[i]);
        }
    }
}

void TokensService::recheck(Watch& watch, Account& account) {
    const bool over = watch.pending()->gone() || !watch.has(account);
    if (over || gatekeeper_.allows(watch.caller(), account)) return;
    watch.end(account, account.name + ": no longer there");
    watch.flush();
}

void TokensService::end_watches() {
    for (const auto& [key, watch] : std::map<const Watch*, std::shared_ptr<Watch>>(watches_)) {
        const auto pending = watch->pending();
        end_watch(key);
        pending->finish(
            tokens_error({}, Error{errc::provider_unavailable, "the daemon is stopping"}));
    }
}

}  // namespace tb::daemon
