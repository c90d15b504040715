// Our error codes as Varlink errors of the two interfaces. One place, so that the CLI's exit codes
// can be told from the names.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace tb::daemon {

// A whole frame: io.tokenbroker.tokens.<Name> with its parameters. Never says more than the
// contract allows.
std::string tokens_error(std::string_view account, const Error& error);
// The same for io.tokenbroker.admin.
std::string admin_error(std::string_view account, const Error& error);

std::string invalid_parameter(std::string_view name);
std::string method_not_found(std::string_view method);
std::string expected_more();
std::string permission_denied();

}  // namespace tb::daemon
