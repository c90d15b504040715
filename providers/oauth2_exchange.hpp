// Exchanges and imports of any client that has a Setup.
#pragma once

#include <memory>
#include <string_view>

#include "providers/oauth2_setup.hpp"
#include "providers/provider.hpp"

namespace tb::providers::oauth2 {

// A Setup for all exchanges of a client: making one means to parse its URLs anew.
struct PreparedSetup final : Prepared {
    explicit PreparedSetup(Setup made) : setup(std::make_shared<const Setup>(std::move(made))) {}
    std::shared_ptr<const Setup> setup;
};

// renew and revoke; a discovery comes first where an endpoint is missing.
std::unique_ptr<Exchange> begin_exchange(std::shared_ptr<const Setup> setup, Context context);
// With what was prepared for the client; else with what `make` makes of its settings.
std::unique_ptr<Exchange> begin_prepared(Context context, Setup (*make)(const ClientSettings&));

// What an operator hands over: a refresh token, with password_grant also username and password;
// nothing for client_credentials. `provider` is for the messages.
std::vector<std::string> grant_fields(const Setup& setup);
Result<Imported> import_grant(const Setup& setup, std::string_view provider, SecretSet raw);

}  // namespace tb::providers::oauth2
