// Where a browser may bring the answer of an authorization server: a listener of this host alone.
#pragma once

#include <string_view>

namespace tb {

// "http://127.0.0.1:4711/callback", also [::1] and localhost; no user info, query or fragment
// (RFC 8252 section 7.3). The command listens on nothing else, and the daemon names nothing else.
bool is_loopback_redirect(std::string_view uri);

}  // namespace tb
