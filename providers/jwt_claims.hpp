// The times inside a JWT. The signature is not checked: we carry the token, the audience judges it.
// The token itself is never altered by what is read here.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace tb::providers {

struct JwtClaims {
    std::optional<WallTime> expires;  // exp, rounded down to a second
    std::optional<WallTime> issued;   // iat
    bool malformed = false;  // one of them is there but no NumericDate: a string, milliseconds, ...
};

// nullopt if this is no JWT (not three parts, or the payload is no JSON object): treat it as
// opaque.
std::optional<JwtClaims> read_jwt_claims(std::string_view token);

// exp - iat where both are there, else exp - `replied`. nullopt where exp can't be used. Not
// negative, and clamped to limits::lifetime_max_ms.
std::optional<Millis> lifetime_of(const JwtClaims& claims, WallTime replied);

}  // namespace tb::providers
