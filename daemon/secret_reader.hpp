// Client secrets from systemd credentials and files. Read when an exchange needs them, so a changed
// file is taken at once.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "daemon/config.hpp"

namespace tb::daemon {

// credentials_dir: $CREDENTIALS_DIRECTORY, empty if there is none. Errors: misconfigured, with the
// file and what to do.
Result<Secret> read_secret(const SecretSource& source, const std::string& credentials_dir);

}  // namespace tb::daemon
