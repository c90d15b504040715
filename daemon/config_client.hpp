// One [clients.NAME] section.
#pragma once

#include "daemon/config_toml.hpp"

namespace tb::daemon {

// `section` is the node of the table; its key is the client's name.
ClientConfig read_client(const TomlNode& section, const TomlTable& table, MistakeList& mistakes);

}  // namespace tb::daemon
