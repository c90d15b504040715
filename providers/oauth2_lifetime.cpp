// Absolute times count from the reply's own Date, so that a wrong clock here changes nothing.
#include "providers/oauth2_lifetime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/limits.hpp"
#include "providers/dates.hpp"
#include "providers/json_pointer.hpp"
#include "providers/jwt_claims.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

// A server may hand out the same token for as long as it lives: then less is left of it than its
// whole life. By the server's own clock, if it tells it; a moment between iat and Date is no cache.
std::optional<Millis> left_of(const JwtClaims& claims, const http::Reply& reply) {
    constexpr Millis moment{5'000};
    const std::optional<Millis> life = lifetime_of(claims, date_of(reply));
    const std::optional<WallTime> date = told_date_of(reply);
    if (!life || !date) return life;
    const Millis left = std::max(*claims.expires - *date, Millis{0});
    return left + moment < *life ? left : life;
}

using Kind = JsonReply::Kind;
using Value = JsonReply::Value;

// As seconds this is the year 5138.
constexpr double seconds_max = 1e11;
constexpr double millis_max = 1e14;

std::optional<WallTime> wall_of(double number) {
    // Written so that NaN is refused too.
    if (!(number >= 0 && number <= millis_max)) return std::nullopt;
    if (number <= seconds_max) number *= 1'000;
    return wall_from_ms(static_cast<std::int64_t>(std::floor(number)));
}

// True once the question is settled, by a lifetime, a fault, or because there is none to know.
bool settle(const Expiry& expiry, const http::Reply& reply, const Value& root, const Setup& setup,
            Lifetime& out) {
    switch (expiry.kind) {
        case Expiry::Kind::expires_in: {
            const Value value = at_pointer(root, setup.fields.expires_in);
            if (value.missing()) return false;
            out.known = parse_expires_in(value);
            if (!out.known) out.fault = "bad_expires_in";
            return true;
        }
        case Expiry::Kind::expires_at: {
            const Value value = at_pointer(root, setup.fields.expires_at);
            if (value.missing()) return false;
            const auto when = parse_expires_at(value);
            if (!when) out.fault = "bad_expires_at";
            if (when)
                out.known = std::clamp(*when - date_of(reply), Millis{0}, limits::lifetime_max_ms);
            return true;
        }
        case Expiry::Kind::jwt_exp: {
            const auto claims = read_jwt_claims(at_pointer(root, setup.fields.access).text());
            if (claims && !claims->malformed) out.known = left_of(*claims, reply);
            return out.known.has_value();
        }
        case Expiry::Kind::fixed:
            out.known = expiry.fixed;
            return true;
        case Expiry::Kind::reactive:
            return true;
    }
    return true;
}

}  // namespace

std::optional<WallTime> parse_expires_at(const Value& value) {
    if (value.is(Kind::number)) return wall_of(value.number());
    const std::string_view text = value.text();
    const bool digits =
        !text.empty() && text.size() <= 15 &&
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) {
        const auto iso = parse_iso8601(text);
        if (!iso) return std::nullopt;
        return iso->at;
    }
    double number = 0;
    for (const char c : text)
        number = number * 10 + (c - '0');
    return wall_of(number);
}

Lifetime read_lifetime(const http::Reply& reply, const Value& root, const Setup& setup) {
    Lifetime out;
    for (std::size_t i = 0; i < setup.expiry.size(); ++i) {
        if (!settle(setup.expiry[i], reply, root, setup, out)) continue;
        if (i > 0 && setup.expiry[i].kind == Expiry::Kind::fixed)
            out.warning = fmt::format("the reply says no lifetime; taken as {} s",
                                      setup.expiry[i].fixed.count() / 1'000);
        break;
    }
    if (out.fault.empty() && setup.max_lifetime)
        out.known = std::min(out.known.value_or(*setup.max_lifetime), *setup.max_lifetime);
    return out;
}

std::optional<Millis> grant_lifetime(const Value& root, const Setup& setup) {
    const auto said = parse_expires_in(at_pointer(root, setup.fields.refresh_expires_in));
    if (said && *said > Millis{0}) return said;
    if (said) return std::nullopt;  // 0: Keycloak's offline tokens, which have no end
    return setup.refresh_ttl;
}

}  // namespace tb::providers::oauth2
