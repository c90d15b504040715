// How long a token of a reply lives, by the first of the configured sources that it has.
#pragma once

#include <optional>
#include <string_view>

#include "providers/json_reply.hpp"
#include "providers/oauth2_setup.hpp"
#include "providers/provider.hpp"

namespace tb::providers::oauth2 {

struct Lifetime {
    std::optional<Millis> known;  // nullopt: not known, renewed when a caller reports it
    std::string_view fault{};     // "bad_expires_in", "bad_expires_at": there, but unusable
    std::string warning{};
};
Lifetime read_lifetime(const http::Reply& reply, const JsonReply::Value& root, const Setup& setup);

// ISO 8601, or seconds or (beyond 1e11) milliseconds since 1970 as a number or digits.
std::optional<WallTime> parse_expires_at(const JsonReply::Value& value);

// Of the refresh token that a reply brought.
std::optional<Millis> grant_lifetime(const JsonReply::Value& root, const Setup& setup);

}  // namespace tb::providers::oauth2
