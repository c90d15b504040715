// Varlink messages (varlink.org/Method-Call): one JSON object in UTF-8 and one NUL. As strict as
// systemd: bad JSON, a non-object, an empty message or an unknown top-level key ends the
// connection; an unknown interface is answered. Pure: no I/O, no Asio. Fuzzed at the same entries
// that the socket uses.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace tb::proto {

struct Call {
    std::string method;              // "io.tokenbroker.tokens.GetToken"
    boost::json::object parameters;  // {} if absent or null
    bool more = false;
    bool oneway = false;
    bool upgrade = false;
    std::string_view interface_name() const;  // "io.tokenbroker.tokens"; empty if there is no dot
    std::string_view method_name() const;     // "GetToken"
};

struct Reply {
    boost::json::object parameters;
    std::string error;  // qualified name, or empty
    bool continues = false;
};

// `frame` is without its NUL. Errors: protocol, with what is wrong and where.
Result<Call> parse_call(std::string_view frame);
Result<Reply> parse_reply(std::string_view frame);

// Whole frames with their NUL.
std::string make_call(std::string_view method, const boost::json::object& parameters,
                      bool more = false, bool oneway = false);
std::string make_reply(const boost::json::object& parameters, bool continues = false);
std::string make_error(std::string_view error, const boost::json::object& parameters);

// The expected shape of a GetToken, read without a JSON parser and without allocating:
//   {"method":"io.tokenbroker.tokens.GetToken",
//    "parameters":{"account":"shop/main"[,"min_remaining_ms":N][,"timeout_ms":N]}}
// members of `parameters` in any order, white space between tokens allowed, no escapes in strings.
// Anything else: nullopt, and the real parser decides; what this accepts, parse_call accepts with
// the same meaning (a fuzz target holds them against each other).
struct GetTokenCall {
    std::string_view account;
    std::optional<std::int64_t> min_remaining_ms;
    std::optional<std::int64_t> timeout_ms;
};
std::optional<GetTokenCall> scan_get_token(std::string_view frame);

}  // namespace tb::proto
