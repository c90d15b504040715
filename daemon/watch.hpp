// One WatchTokens call. Latest state wins: while the client has not taken what was sent, changes
// only mark their account, and the newest state of each marked account is sent when there is room.
// So a slow reader costs one mark an account. Each event is a hand-out of its own: a watcher that
// has become another program, or has ended and left its socket to one, is told `removed` instead.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/account.hpp"
#include "daemon/gatekeeper.hpp"
#include "ipc/service.hpp"

namespace tb::daemon {

class Watch : public std::enable_shared_from_this<Watch> {
  public:
    Watch(std::shared_ptr<ipc::Pending> pending, const Gatekeeper& gatekeeper, Clock& clock);
    // Marks the account as changed; `event` as in io.tokenbroker.tokens. Whoever marks flushes, or
    // has it done in another turn: each frame that is sent is a system call.
    void mark(Account& account, std::string_view event, std::string_view reason);
    // Sends what is marked if the client took the last.
    void flush();
    // True: it was in no queue of watches to be flushed, and is now; until dequeued().
    bool queue() { return !std::exchange(queued_, true); }
    void dequeued() { queued_ = false; }
    void add(std::shared_ptr<Account> account);
    void drop(Account& account);  // no further events of it
    // Marks the last event of an account that is gone, or that the caller may no longer see.
    void end(Account& account, std::string_view reason);
    bool has(const Account& account) const { return entries_.contains(&account); }
    const ipc::Caller& caller() const { return pending_->caller(); }
    std::vector<std::shared_ptr<Account>> accounts() const;
    bool empty() const { return entries_.empty(); }
    const std::shared_ptr<ipc::Pending>& pending() const { return pending_; }

  private:
    struct Entry {
        std::shared_ptr<Account> account;
        std::string event;
        std::string reason;
        bool marked = false;
        bool last = false;
    };
    void lose(Entry& entry);
    void send(Entry& entry);

    std::shared_ptr<ipc::Pending> pending_;
    const Gatekeeper& gatekeeper_;
    Clock& clock_;
    std::unordered_map<const Account*, Entry> entries_;
    std::vector<const Account*> marked_;  // in the order they were marked first
    bool waiting_for_room_ = false;
    bool queued_ = false;
};

}  // namespace tb::daemon
