// io.tokenbroker.tokens: what local processes can ask. The warm read has no suspension point and no
// allocation: fast_call -> scan_get_token -> AccountTable::find -> Gatekeeper::allows -> judge_read
// -> HandOut::append_reply.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "daemon/broker.hpp"
#include "daemon/gatekeeper.hpp"
#include "ipc/service.hpp"

namespace tb::daemon {

class TokensService final : public ipc::Service {
  public:
    TokensService(const Deps& deps, AccountTable& table, Broker& broker, Gatekeeper& gatekeeper);

    bool fast_call(ipc::Connection& connection, std::string_view frame) override;
    void call(ipc::Connection& connection, const proto::Call& call) override;
    // After a reload, a few in each turn of the brain: watchers that lost the right are told
    // `removed`. What they see meanwhile is judged one by one.
    awaitable<void> recheck_watches();
    // A stop: every watcher's connection ends, every waiter gets an answer.
    void end_watches();
    std::size_t watches() const { return watches_.size(); }

  private:
    void get_token(ipc::Connection& connection, const proto::Call& call);
    void wait_for_token(ipc::Connection& connection, const std::shared_ptr<Account>& account,
                        const std::shared_ptr<Slot>& slot, std::optional<Millis> min_remaining,
                        Millis timeout);
    void watch_tokens(ipc::Connection& connection, const proto::Call& call);
    void report_rejected(ipc::Connection& connection, const proto::Call& call);
    // Listing (tokens_list.cpp).
    struct Walk;
    void list_accounts(ipc::Connection& connection, const proto::Call& call);
    void list_some(Walk& walk);
    void walk_on(const std::shared_ptr<Walk>& walk);
    std::shared_ptr<Walk> next_walk();
    void tell_list(const std::shared_ptr<Walk>& walk);
    awaitable<void> list_on();
    // nullptr: there is no such account, or not for this caller; the refusal was counted.
    std::shared_ptr<Account> permitted(const ipc::Caller& caller, std::string_view name,
                                       std::string_view method);
    // For an answer that comes later; a refusal is counted.
    bool permitted_still(const ipc::Caller& caller, Account& account);
    void end_watch(const Watch* watch);
    void recheck(Watch& watch, Account& account);

    const Deps& deps_;
    AccountTable& table_;
    Broker& broker_;
    Gatekeeper& gatekeeper_;
    std::map<const Watch*, std::shared_ptr<Watch>> watches_;
    std::map<uid_t, std::deque<std::shared_ptr<Walk>>> walks_;  // by uid, none empty
    uid_t listed_uid_ = 0;                                      // whose turn was the last
    bool listing_ = false;
};

}  // namespace tb::daemon
