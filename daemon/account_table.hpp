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

namespace tb::daemon {

class AccountTable {
  public:
    // The configuration takes effect: every account gets its client runtime and rules anew. Returns
    // the names of the client sections that changed.
    std::vector<std::string> configure(std::shared_ptr<const Config> config);
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
    // In order of names, from the first after `after`; stops when `each` returns false.
    void each_after(std::string_view after, const std::function<bool(Account&)>& each) const;
    void each(const std::function<void(const std::shared_ptr<Account>&)>& each) const;

  private:
    void attach(Account& account);
    RuleList rules_of(std::string_view name);

    std::shared_ptr<const Config> config_;
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

}  // namespace tb::daemon
