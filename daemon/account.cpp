// See account.hpp: what follows from an account's members alone.
#include "daemon/account.hpp"

#include "base/limits.hpp"
#include "providers/login.hpp"

namespace tb::daemon {

using providers::Policy;
using storage::GrantState;

Policy effective_policy(const Account& account) {
    if (!account.client) return Policy::on_demand;
    const Policy configured = account.client->client->policy;
    const Policy wanted =
        configured != Policy::automatic ? configured : account.client->traits.policy;
    if (wanted == Policy::automatic || wanted == Policy::ahead) {
        constexpr Millis too_short_to_hold{60'000};
        const bool configured_ahead = configured == Policy::ahead;
        if (!configured_ahead && account.slot.lifetime &&
            *account.slot.lifetime < too_short_to_hold)
            return Policy::on_demand;
        return Policy::ahead;
    }
    return wanted;
}

std::string_view state_name(const Account& account, BootTime now) {
    if (account.paused) return "paused";
    if (account.state == GrantState::login_required) return "login_required";
    if (account.state == GrantState::misconfigured || !account.client) return "misconfigured";
    if (account.state == GrantState::outcome_unknown) return "outcome_unknown";
    const Policy policy = effective_policy(account);
    if (policy == Policy::static_token)
        return account.rejected_by_probe ? "misconfigured" : "static";
    if (account.slot.remaining(now) > Millis{0}) return "fresh";
    if (account.slot.renewing()) return account.newest_generation == 0 ? "enrolling" : "renewing";
    if (policy == Policy::on_demand || policy == Policy::when_used) return "idle";
    return account.newest_generation == 0 ? "enrolling" : "expired";
}

// The oldest gives way: of a token for each user of a service many may be refused.
void Account::reject(uid_t uid, std::uint64_t generation) {
    if (rejected_by(uid, generation)) return;
    if (rejected.size() >= limits::rejected_kept_max) rejected.erase(rejected.begin());
    rejected.emplace_back(uid, generation);
}

bool probes_daily(const Account& account) {
    return account.client && account.client->client->operator_probe_daily &&
           account.client->traits.probes && effective_policy(account) == Policy::static_token;
}

bool validates(const Account& account, BootTime now) {
    return account.client && account.client->traits.validate_every &&
           account.state == GrantState::good && account.slot.remaining(now) > Millis{0};
}

std::string new_grant_command(const Account& account) {
    if (account.client) {
        const ClientConfig& client = *account.client->client;
        for (const providers::LoginFlow flow : client.provider->login_flows(client.settings))
            if (flow != providers::LoginFlow::password) return "tokenbroker login " + account.name;
    }
    return "tokenbroker account add " + account.name + " --replace";
}

std::string_view client_of(std::string_view account_name) {
    return account_name.substr(0, account_name.find('/'));
}

}  // namespace tb::daemon
