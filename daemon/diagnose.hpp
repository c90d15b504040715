// What the daemon's own state means for doctor, beside the facts of the host (finding.hpp). Pure.
#pragma once

#include "daemon/broker.hpp"
#include "daemon/finding.hpp"

namespace tb::daemon {

// Accounts that need somebody, alarms, breakers: limits::findings_max at most.
Findings judge_accounts(const AccountTable& table, const Broker& broker);
// Rules that match nobody: an account pattern that no account fits, a client that isn't there.
Findings judge_rules(const Config& config, const AccountTable& table);

}  // namespace tb::daemon
