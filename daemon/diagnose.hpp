// What the daemon's own state means for doctor, beside the facts of the host (finding.hpp). Pure;
// what is a walk over all accounts goes in turns of the brain.
#pragma once

#include "daemon/broker.hpp"
#include "daemon/finding.hpp"

namespace tb::daemon {

// Of the daemon itself: breakers, a store that can't write.
Findings judge_alarms(const Broker& broker);

// Accounts that need somebody: limits::findings_max at most, then how many more there are.
struct AccountsWalk {
    std::string after{};
    std::size_t found = 0;
    bool ended = false;
};
Findings judge_some_accounts(AccountsWalk& walk, const AccountTable& table, const Broker& broker,
                             Turn turn);

// Rules that match nobody: an account pattern that no account fits, a client that isn't there.
struct RulesWalk {
    std::shared_ptr<const Config> config;
    std::size_t rule = 0;
    std::size_t pattern = 0;  // of that rule
    bool walking = false;     // this pattern is being held against accounts, in order of names
    std::string after{};
    std::size_t found = 0;
    bool ended = false;
};
Findings judge_some_rules(RulesWalk& walk, const AccountTable& table, Turn turn);

}  // namespace tb::daemon
