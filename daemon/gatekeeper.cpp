// See gatekeeper.hpp.
#include "daemon/gatekeeper.hpp"

#include "base/limits.hpp"
#include "daemon/caller_facts.hpp"

namespace tb::daemon {

bool Gatekeeper::allows(const ipc::Caller& caller, const Account& account) const {
    CallerFacts facts(caller);
    return allowed(account.rules, caller, own_uid_, facts);
}

void Gatekeeper::refused(const ipc::Caller& caller, std::string_view account_name, Account* account,
                         const std::vector<AccessRule>& rules) {
    if (account == nullptr) return;  // a name that doesn't exist may be anything: not worth a line
    ++account->stats.refusals;
    const BootTime now = clock_.now();
    if (logged_.size() >= limits::refusals_logged_max) logged_.clear();
    auto [place, first] = logged_.try_emplace({caller.uid, std::string(account_name)}, now);
    if (!first && place->second + Millis{60'000} > now) return;
    place->second = now;
    log_.notice("{}: refused to {}: {}", account_name, caller.describe(),
                explain(rules, account_name));
}

}  // namespace tb::daemon
