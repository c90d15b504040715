// Exchanges and imports of any client that has a Setup.
#pragma once

#include <memory>
#include <string_view>

#include "providers/oauth2_setup.hpp"
#include "providers/provider.hpp"

namespace tb::providers::oauth2 {

// renew and revoke; a discovery comes first where an endpoint is missing.
std::unique_ptr<Exchange> begin_exchange(Setup setup, Context context);

// What an operator hands over: a refresh token, with password_grant also username and password;
// nothing for client_credentials. `provider` is for the messages.
std::vector<std::string> grant_fields(const Setup& setup);
Result<Imported> import_grant(const Setup& setup, std::string_view provider, SecretSet raw);

}  // namespace tb::providers::oauth2
