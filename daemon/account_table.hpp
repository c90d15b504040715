// All accounts by name and id, and their runtime (client section, rules) under the current
// configuration.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string_view>

#include "daemon/account.hpp"
#include "daemon/account_index.hpp"
#include "daemon/lifetime.hpp"
#include "daemon/name_order.hpp"
#include "daemon/turn.hpp"

namespace tb::daemon {

class AccountTable {
  public:
    // The configuration that accounts are loaded or enrolled under from now on. Returns the names
    // of the client sections that changed. Each account that is there already keeps client runtime
    // and rules of the one before, whole, until attach(); forget_previous() when all had theirs.
    std::vector<std::string> configure(std::shared_ptr<const Config> config);
    void attach(Account& account);
    void forget_previous() { previous_.reset(); }
    const std::shared_ptr<const Config>& config() const { return config_; }
    std::shared_ptr<const ClientRuntime> client(std::string_view name) const;

    // From the store, or newly enrolled. The token, if any, becomes a HandOut; its bytes don't stay
    // elsewhere.
    std::shared_ptr<Account> insert(storage::AccountRecord record, Moment at,
                                    std::string_view boot_id);
    void remove(Account& account);
    // Between these two, inserts cost no place in the order of names; nothing else may be asked.
    void begin_load();
    void end_load();

    Account* find(std::string_view name) const { return index_.find(name); }
    std::shared_ptr<Account> share(std::string_view name) const;
    std::size_t size() const { return index_.size(); }
    std::size_t size_of(std::string_view client) const;
    // One turn of a walk in order of names: from the first after `after`, which is moved on. `each`
    // returns false: the turn ends behind this one. False: these were the last.
    bool some_after(std::string& after, Turn& turn,
                    const std::function<bool(Account&)>& each) const;
    void each(const std::function<void(const std::shared_ptr<Account>&)>& each) const;

  private:
    RuleList rules_of(std::string_view name);

    std::shared_ptr<const Config> config_;
    std::shared_ptr<const Config> previous_;  // whose rules some accounts still have
    std::uint64_t config_version_ = 0;
    std::map<std::string, std::shared_ptr<const ClientRuntime>, std::less<>> clients_;
    std::map<RuleList::Rules, RuleList> rule_lists_;  // of config_
    std::set<std::string, std::less<>> providers_;    // every name an account ever had: a few
    std::map<std::string, std::size_t, std::less<>> sizes_;  // by client
    AccountIndex<Account> index_;
    NameOrder<Account> order_;
    std::vector<std::shared_ptr<Account>> arriving_;  // of a load, not in order_ yet
    bool loading_ = false;
};

// The token of a record becomes what the slot hands out.
void put_token(Slot& slot, const std::string& account, const storage::TokenRecord& token, Moment at,
               std::string_view boot_id);

// All of a record but its id, name and provider becomes what is known of the account.
void take_over(Account& account, storage::AccountRecord&& record, Moment at,
               std::string_view boot_id);

}  // namespace tb::daemon
