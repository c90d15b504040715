// What a token, a lifetime and a scope list may look like, whoever sends them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "providers/json_reply.hpp"

namespace tb::providers {

// 1..16384 bytes of 0x21-0x7E: what can go into a header. Never repaired, only refused.
bool good_access_token(std::string_view token);
// The same with the space (RFC 6749 A.17).
bool good_refresh_token(std::string_view token);
// A scope token of RFC 6749 section 3.3: 0x21, 0x23-0x5B, 0x5D-0x7E.
bool good_scope(std::string_view scope);
// 8-4-4-4-12 hex digits.
bool is_uuid(std::string_view text);

// Seconds as an integer, a float (rounded down) or a decimal string. Negative, not finite or not a
// number: nullopt. Clamped to limits::lifetime_max_ms.
std::optional<Millis> parse_expires_in(const JsonReply::Value& value);

// "a b", ["a","b"] or the array once more inside a string, as Webroot sends it. nullopt if it is
// none of these.
std::optional<std::vector<std::string>> parse_scopes(const JsonReply::Value& value);

bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII

}  // namespace tb::providers
