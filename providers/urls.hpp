// Addresses from the config, in one normal form: lower-case host, default port left out, no slash
// at the end. What can't be put into that form without guessing is refused.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace tb::providers {

struct BaseUrl {
    std::string origin;  // "https://api.example.com:8443"
    std::string prefix;  // "/v2", or empty; a request's target is prefix + path
};

// https only, unless `allow_loopback_http` and the host is 127.0.0.1, ::1 or localhost. Refuses
// user info, query, fragment, control characters, "." and ".." segments. The message says what
// would be right.
Result<BaseUrl> parse_base_url(std::string_view text, bool allow_loopback_http);

// An endpoint as it is called: the path as written, with its query (RFC 6749 section 3.1 lets one
// have a query, which must be kept).
struct Endpoint {
    std::string origin;  // "https://id.example.com"
    std::string target;  // "/oauth2/token?tenant=1", at least "/"
    std::string url() const { return origin + target; }
};
// By the same rules as a base URL, but a query is fine.
Result<Endpoint> parse_endpoint(std::string_view text, bool allow_loopback_http);

// "https://App.Example.com:443/" -> "https://app.example.com", the serialised form of an Origin
// header. http is fine here (http://localhost:3000), a path is not.
Result<std::string> normalize_origin(std::string_view text);

// A domain of a public token: "shop.example.com", "localhost", or "*.example.com".
Result<void> check_domain(std::string_view pattern);
// The star stands for one or more labels, never for none. Only hosts are compared, without regard
// to case; scheme and port are ignored on both sides.
bool domain_matches(std::string_view pattern, std::string_view origin);

}  // namespace tb::providers
