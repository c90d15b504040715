// The failures of an exchange in their classes. Pure. The one rule: once the first byte of the
// request may have left, a missing reply is ambiguous, whatever the cause.
#pragma once

#include <string>
#include <string_view>

#include "base/http.hpp"

namespace tb::net {

http::Failure failed(std::string code, std::string reason, bool sent);
http::Failure misconfigured(std::string code, std::string reason, bool sent);

// The status arrived but the rest can't be used: too long, or encoded in a way nobody asked for.
http::Failure unusable(int status, std::string code, std::string reason);

// The status in the raw beginning of a reply, 0 if there is none: for a header that never ends.
int status_of(std::string_view raw);

}  // namespace tb::net
