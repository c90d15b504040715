// Reads exp and iat out of the second part. Lenient about base64 (padding and the standard
// alphabet are seen in the wild), strict about numbers: a wrong unit would give a token of years.
#include "providers/jwt_claims.hpp"

#include <algorithm>
#include <cmath>

#include "base/limits.hpp"
#include "providers/encoding.hpp"
#include "providers/json_reply.hpp"

namespace tb::providers {
namespace {

// Beyond this a NumericDate is taken for milliseconds; as seconds it is the year 5138.
constexpr double numeric_date_max = 1e11;

std::optional<WallTime> numeric_date(const JsonReply::Value& value, bool& malformed) {
    if (value.missing()) return std::nullopt;
    const double seconds = value.number();
    // Written so that NaN is refused too.
    if (!value.is(JsonReply::Kind::number) || !(seconds >= 0 && seconds <= numeric_date_max)) {
        malformed = true;
        return std::nullopt;
    }
    return wall_from_ms(static_cast<std::int64_t>(std::floor(seconds)) * 1'000);
}

}  // namespace

std::optional<JwtClaims> read_jwt_claims(std::string_view token) {
    if (token.size() > limits::token_bytes_max) return std::nullopt;
    if (std::count(token.begin(), token.end(), '.') != 2) return std::nullopt;
    const std::size_t first = token.find('.') + 1;
    const auto payload =
        base64_decode_leniently(token.substr(first, token.find('.', first) - first));
    if (!payload) return std::nullopt;
    const auto document = JsonReply::parse(payload->view());
    if (!document || !document->root().is(JsonReply::Kind::object)) return std::nullopt;
    JwtClaims claims;
    claims.expires = numeric_date(document->root().member("exp"), claims.malformed);
    claims.issued = numeric_date(document->root().member("iat"), claims.malformed);
    return claims;
}

std::optional<Millis> lifetime_of(const JwtClaims& claims, WallTime replied) {
    if (!claims.expires) return std::nullopt;
    const Millis lifetime = *claims.expires - claims.issued.value_or(replied);
    return std::clamp(lifetime, Millis{0}, limits::lifetime_max_ms);
}

}  // namespace tb::providers
