// Where a client's secret is kept, as the config says it. The secret itself is never read here.
#pragma once

#include "daemon/config_toml.hpp"

namespace tb::daemon {

// "client_secret", "api_key", "secret_key": keys of a client section that name a SecretSource.
const std::vector<std::string>& secret_keys();
// A key whose value would be a secret, whatever the provider: never accepted in the clear.
bool names_a_secret(std::string_view key);
// Complains about secrets in the clear, wrong tables, and files that are missing or readable by
// everybody.
SecretSource read_secret_source(const TomlNode& node, const std::string& client,
                                MistakeList& mistakes);

}  // namespace tb::daemon
