// Account names, "client/name": what may be one, and its two halves. The same check for the
// command line, the admin interface and access patterns.
#pragma once

#include <optional>
#include <string_view>

#include "base/error.hpp"

namespace tb::daemon {

struct AccountName {
    std::string_view client;  // [a-z0-9][a-z0-9_-]{0,63}, a section of the config
    std::string_view name;    // [A-Za-z0-9][A-Za-z0-9._@+-]{0,63}
};

bool is_client_name(std::string_view text);
// Views into `text`; nullopt if it is not an account name.
std::optional<AccountName> parse_account_name(std::string_view text);
// errc::invalid_parameter, with what would be right.
Result<void> check_account_name(std::string_view text);

}  // namespace tb::daemon
