// The default paths of a user's own daemon, from the XDG variables.
#pragma once

#include "daemon/config.hpp"

namespace tb::daemon {

// state_dir and the sockets; nobody but the user is an administrator, so there is no admin group.
void set_user_paths(Config& config);

}  // namespace tb::daemon
