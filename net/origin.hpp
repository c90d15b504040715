// Where a request goes, taken apart once: "https://host", "https://host:port", "http://[::1]:8080".
// Pure. Nothing but scheme, host and port is an origin: a path, a query or user information is a
// mistake in the configuration and refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace tb::net {

struct Origin {
    bool tls = true;
    std::string host;  // a name in lower case, or an address without brackets
    std::uint16_t port = 443;
    bool is_address = false;    // host is an IP address: no SNI, checked against IP names
    std::string host_header;    // for Host: the port only if it is not the scheme's own
    std::string host_and_port;  // for CONNECT: always with the port
    std::string text;           // for people
};

Result<Origin> parse_origin(std::string_view text);  // https:// or http://
Result<Origin> parse_proxy(std::string_view text);   // http://host:port

}  // namespace tb::net
