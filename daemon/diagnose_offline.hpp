// tokenbrokerd --diagnose: what can be found out without a running daemon.
#pragma once

#include "daemon/config.hpp"

namespace tb::daemon {

// Prints one JSON object a finding; 0: no problem among them.
int diagnose_offline(const ConfigResult& loaded, const std::string& credentials_dir);

}  // namespace tb::daemon
