// See gatekeeper.hpp.
#include "daemon/gatekeeper.hpp"

#include "base/limits.hpp"
#include "daemon/caller_facts.hpp"

namespace tb::daemon {

bool Gatekeeper::allows(const ipc::Caller& caller, const Account& account) const {
    CallerFacts facts(caller);
    const bool may = allowed(account.rules, caller, own_uid_, facts);
    witnessed_of_ = facts.witnessed(witnessed_) ? &caller : nullptr;
    return may;
}

void Gatekeeper::refused(const ipc::Caller& caller, std::string_view account_name, Account* account,
                         const Config& config, std::string_view method) {
    // A reload may not have come to this account yet: what is told are the rules it was judged by.
    const auto why = [&] {
        return account == nullptr ? std::string("there is no such account")
                                  : explain(account->rules, account_name);
    };
    audit_.refused(caller, account == nullptr ? nullptr : witnessed(caller),
                   shown_name(config, account_name), method, why);
    if (account == nullptr) return;  // a name that doesn't exist may be anything: not worth a line
    ++account->stats.refusals;
    const BootTime now = clock_.now();
    if (logged_.size() >= limits::refusals_logged_max) logged_.clear();
    auto [place, first] = logged_.try_emplace({caller.uid, std::string(account_name)}, now);
    if (!first && place->second + Millis{60'000} > now) return;
    place->second = now;
    log_.notice("{}: refused to {}: {}", account_name, caller.describe(),
                explain(account->rules, account_name));
}

}  // namespace tb::daemon
