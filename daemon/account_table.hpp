// All accounts by name and id, and their runtime (client section, rules) under the current
// configuration.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <memory>
#include <string_view>

#include "daemon/account.hpp"
#include "daemon/lifetime.hpp"

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

    Account* find(std::string_view name) const {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : found->second.get();
    }
    std::shared_ptr<Account> share(std::string_view name) const;
    std::shared_ptr<Account> by_id(storage::AccountId id) const;
    std::size_t size() const { return by_name_.size(); }
    // In order of names, from the first after `after`; stops when `each` returns false.
    void each_after(std::string_view after, const std::function<bool(Account&)>& each) const;
    void each(const std::function<void(const std::shared_ptr<Account>&)>& each) const;

  private:
    void attach(Account& account);

    std::shared_ptr<const Config> config_;
    std::uint64_t config_version_ = 0;
    std::map<std::string, std::shared_ptr<const ClientRuntime>, std::less<>> clients_;
    boost::unordered_flat_map<std::string_view, std::shared_ptr<Account>>
        by_name_;  // keys point into the accounts
    std::map<std::string_view, Account*> ordered_;
};

// The token of a record becomes what the slot hands out.
void put_token(Slot& slot, const std::string& account, const storage::TokenRecord& token, Moment at,
               std::string_view boot_id);

}  // namespace tb::daemon
