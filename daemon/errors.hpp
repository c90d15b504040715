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

}  // namespace tb::daemon
