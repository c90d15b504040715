// One [[access]] rule.
#pragma once

#include "daemon/config_toml.hpp"

namespace tb::daemon {

AccessRule read_access(const TomlNode& rule, bool user_mode, MistakeList& mistakes);
// Patterns whose client part is plain and names no section: most likely a typing mistake, but a
// client may come later, so only a warning.
void warn_of_unknown_clients(const Config& config, MistakeList& mistakes);

}  // namespace tb::daemon
