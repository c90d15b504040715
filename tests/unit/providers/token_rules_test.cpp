// Charsets, lifetimes and scopes: sections 0.2 and 0.3, vector 6.2; JWT claims: vectors 3.2, 3.4,
// 3.5 and 1.3, 1.7.
#include "providers/token_rules.hpp"

#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "providers/encoding.hpp"
#include "providers/jwt_claims.hpp"

using namespace tb;
using namespace tb::providers;

namespace {
std::int64_t expires(const std::string& value) {
    const auto document = JsonReply::parse("{\"v\":" + value + "}");
    if (!document) return -2;
    const auto ms = parse_expires_in(document->root().member("v"));
    return ms ? ms->count() : -1;
}
std::string scopes(const std::string& value) {
    const auto document = JsonReply::parse("{\"v\":" + value + "}");
    BOOST_REQUIRE(document.has_value());
    const auto all = parse_scopes(document->root().member("v"));
    if (!all) return "refused";
    std::string joined;
    for (const auto& one : *all)
        joined += "<" + one + ">";
    return joined;
}
std::string jwt(std::string_view payload) {
    return "eyJhbGciOiJIUzI1NiJ9." + std::string(base64(payload).view()) + ".c2ln";
}
std::int64_t lifetime(std::string_view token) {
    const auto claims = read_jwt_claims(token);
    if (!claims) return -2;
    const auto ms = lifetime_of(*claims, wall_from_ms(1'700'000'000'000));
    return ms ? ms->count() : -1;
}
}  // namespace

BOOST_AUTO_TEST_CASE(charsets) {
    BOOST_TEST(good_access_token("eg1~abc-._~+/="));
    for (const std::string& bad :
         {std::string(), std::string("a b"), std::string("a\r\nb"), std::string("a\0b", 3),
          std::string("a\x7F"), std::string("\xC3\xA9")})
        BOOST_TEST(!good_access_token(bad));
    BOOST_TEST(good_refresh_token("a b"));
    BOOST_TEST(!good_refresh_token("a\tb"));
    BOOST_TEST(good_scope("ECom.Shop"));
    for (const char* bad : {"", "a b", "a\"", "a\\", "\xC3\xA9"})
        BOOST_TEST(!good_scope(bad));
    BOOST_TEST(is_uuid("8f14e45f-ceea-467f-a8d2-1b2c3d4e5F60"));
    for (const char* bad :
         {"", "8f14e45f-ceea-467f-a8d2-1b2c3d4e5f6", "8f14e45fcceea-467f-a8d2-1b2c3d4e5f60",
          "8g14e45f-ceea-467f-a8d2-1b2c3d4e5f60"})
        BOOST_TEST(!is_uuid(bad));
}

BOOST_AUTO_TEST_CASE(a_token_has_a_largest_size) {
    const std::string largest(limits::token_bytes_max, 'x');
    for (const auto fine : {good_access_token, good_refresh_token, good_scope}) {
        BOOST_TEST(fine(largest));
        BOOST_TEST(!fine(largest + 'x'));
    }
    // A JWT is padded to the size by its signature, which nobody here reads.
    std::string signed_long = jwt(R"({"exp":1700001200})");
    signed_long.resize(limits::token_bytes_max, 'x');
    BOOST_TEST(lifetime(signed_long) == 1'200'000);
    BOOST_TEST(lifetime(signed_long + 'x') == -2);  // opaque
}

BOOST_AUTO_TEST_CASE(expires_in) {
    BOOST_TEST(expires("299") == 299'000);
    BOOST_TEST(expires("3600.0") == 3'600'000);
    BOOST_TEST(expires("\"3600\"") == 3'600'000);
    BOOST_TEST(expires("299.9") == 299'000);
    BOOST_TEST(expires("\"299.9\"") == 299'000);
    BOOST_TEST(expires("0") == 0);
    const std::int64_t ten_years = 10LL * 365 * 86'400'000;
    for (const char* huge : {"3153600000", "18446744073709551615", "1e300",
                             "\"99999999999999999999999999999999999999\""})
        BOOST_TEST(expires(huge) == ten_years);
    for (const char* wrong :
         {"-1", "-0.5", "0e400", "1e400", "-1e400", "null", "true", "[]", "{}", "\"\"", "\"-1\"",
          "\"1e3\"", "\" 1\"", "\"1.\"", "\".5\"", "\"1.2.3\"", "\"NaN\"", "\"inf\""})
        BOOST_TEST(expires(wrong) == -1, wrong);
    BOOST_TEST(expires("NaN") == -2);  // not even JSON
}

BOOST_AUTO_TEST_CASE(three_forms_of_scope) {
    BOOST_TEST(scopes(R"(["a","b"])") == "<a><b>");  // 6.2
    BOOST_TEST(scopes(R"("a b")") == "<a><b>");
    BOOST_TEST(scopes(R"("[\"a\",\"b\"]")") == "<a><b>");
    BOOST_TEST(scopes(R"("")") == "");
    BOOST_TEST(scopes(R"("  a  b ")") == "<a><b>");
    BOOST_TEST(scopes("[]") == "");
    for (const char* wrong :
         {"1", "null", "{}", "[1]", R"(["a b"])", R"("[1]")", R"("[\"a\"")", R"("a\tb")"})
        BOOST_TEST(scopes(wrong) == "refused", wrong);
}

BOOST_AUTO_TEST_CASE(claims_of_a_jwt) {
    // 3.2: A2 and R2; 1.3
    BOOST_TEST(lifetime("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
                        "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAxMjAwfQ.c2ln") ==
               1'200'000);
    BOOST_TEST(
        lifetime("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
                 "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAyNTkyMDAwLCJqdGkiOiJyMiJ"
                 "9.c2ln") == 30LL * 86'400'000);
    BOOST_TEST(lifetime("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                        "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwMDE1fQ.c2ln") ==
               15'000);
    // 3.4
    for (const char* payload :
         {R"({"exp":"1700001200"})", R"({"exp":1700001200000})", R"({"exp":1e30})", R"({"exp":-1})",
          R"({"exp":1e400})", R"({"exp":0e400})"}) {
        const auto claims = read_jwt_claims(jwt(payload));
        BOOST_REQUIRE(claims.has_value());
        BOOST_TEST(claims->malformed);
        BOOST_TEST(!claims->expires.has_value());
    }
    BOOST_TEST(to_ms(*read_jwt_claims(jwt(R"({"exp":1700001200.75})"))->expires) ==
               1'700'001'200'000);
    BOOST_TEST(lifetime(jwt(R"({"exp":1700001200.75})")) == 1'200'000);  // against the reply
    BOOST_TEST(lifetime(jwt(R"({"exp":1600000000})")) == 0);
    BOOST_TEST(lifetime(jwt(R"({"iat":1})")) == -1);
    BOOST_TEST(lifetime(jwt(R"({"exp":99999999999,"iat":0})")) == 10LL * 365 * 86'400'000);
    // 3.5: padding and the standard alphabet are read; what is no JSON is opaque
    BOOST_TEST(lifetime(jwt(R"({"x":"???>>>","exp":1700001200})")) == 1'200'000);
    BOOST_TEST(lifetime(jwt("not json")) == -2);
    for (const char* opaque : {"", "a", "a.b", "a.b.c.d", "..", "not.a.jwt", "a.!.c"})  // 1.7
        BOOST_TEST(lifetime(opaque) == -2);
    BOOST_TEST(lifetime(jwt(std::string(20'000, ' ') + "{}")) == -2);
}
