// A request as the bytes that go on the wire, in memory that is wiped: it holds credentials. Pure.
// Whatever could end a header early (CR, LF, NUL, any control) is refused here, once more after the
// providers' own check: a slip there must not become a second request.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "base/http.hpp"
#include "net/origin.hpp"

namespace tb::net {

// The Error names the part that can't be sent, never its value.
Result<Secret> request_text(const http::Request& request, const Origin& origin,
                            std::string_view user_agent);

Secret connect_text(const Origin& target, std::string_view user_agent);

}  // namespace tb::net
