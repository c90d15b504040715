// What a success of Immersve brings: vectors 2 to 5, tokens, their lives, and the grant that
// follows.
#include "base/limits.hpp"
#include "tests/unit/providers/immersve_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr std::int64_t day_ms = 86'400'000;

Minted minted(std::string_view body) {
    Account a = immersve_account();
    return done<Minted>(immersve_answer(a, json_reply(200, body)));
}
std::string all_of(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines)
        all += line + "\n";
    return all;
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(immersve_vector_2_success) {
    const Minted m = minted(immersve_both(immersve_a2, immersve_r2));
    BOOST_TEST(m.access_token.view() == immersve_a2);
    BOOST_TEST(m.header_name == "Authorization");
    BOOST_TEST(m.header_prefix == "Bearer ");
    BOOST_TEST(m.lifetime->count() == 1'200'000);
    BOOST_TEST(to_ms(m.sent_at) == 900'000);
    BOOST_REQUIRE(m.new_grant.has_value());
    BOOST_TEST(m.new_grant->list().size() == 1U);
    BOOST_TEST(m.new_grant->find("refresh_token")->view() == immersve_r2);
    BOOST_TEST(m.grant_lifetime->count() == 30 * day_ms);
    BOOST_TEST(all_of(m.warnings) == "");
    Account a = immersve_account();
    const auto created = done<Minted>(immersve_answer(
        a, reply(201, "\xEF\xBB\xBF" + immersve_both(immersve_a2, immersve_r2) + " \n",
                 {{"content-type", "application/json; charset=utf-8"}})));
    BOOST_TEST(created.lifetime->count() == 1'200'000);
}

BOOST_AUTO_TEST_CASE(immersve_vector_3_no_new_refresh_token) {
    const std::string access = R"({"accessToken":")" + immersve_a2 + "\"";
    for (const std::string& rest :
         {std::string("}"), std::string(R"(,"refreshToken":null})"),
          std::string(R"(,"refreshToken":""})"), std::string(R"(,"refreshToken":7})"),
          std::string(R"(,"refreshToken":"a\nb"})"),
          std::string(R"(,"refreshToken":"r3","refreshToken":"r4"})"),
          R"(,"refreshToken":")" + std::string(limits::token_bytes_max + 1, 'x') + "\"}"}) {
        BOOST_TEST_CONTEXT(rest.substr(0, 60)) {
            const Minted m = minted(access + rest);
            BOOST_TEST(m.access_token.view() == immersve_a2);
            BOOST_TEST(has(all_of(m.warnings), "probably spent"));
            BOOST_REQUIRE(m.new_grant.has_value());  // the same, marked
            BOOST_TEST(m.new_grant->find("refresh_token")->view() == "R1");
            BOOST_TEST(m.new_grant->find("probably_spent") != nullptr);
            BOOST_TEST(!m.grant_lifetime.has_value());
        }
    }
    // A marked one is sent all the same, for it is all there is; a refusal is then final.
    Account a = immersve_account();
    a.grant.set("probably_spent", Secret("yes"));
    const auto f = done<Failed>(
        immersve_answer(a, json_reply(403, immersve_error(403, "FORBIDDEN", "Unauthorized"))));
    BOOST_TEST((f.failure == FailureClass::reauth));
    BOOST_TEST(has(f.reason, "brought no new refresh token"));
    const auto again = done<Minted>(immersve_answer(a, json_reply(200, access + "}")));
    BOOST_TEST(!again.new_grant.has_value());  // marked already
    BOOST_TEST(again.warnings.size() == 1U);
    const auto healed =
        done<Minted>(immersve_answer(a, json_reply(200, immersve_both(immersve_a2, immersve_r2))));
    BOOST_TEST(healed.new_grant->find("probably_spent") == nullptr);
    const auto same =
        done<Minted>(immersve_answer(a, json_reply(200, immersve_both(immersve_a2, "R1"))));
    BOOST_REQUIRE(same.new_grant.has_value());
    BOOST_TEST(same.new_grant->find("refresh_token")->view() == "R1");
    BOOST_TEST(same.new_grant->find("probably_spent") == nullptr);
    const Minted unmarked = minted(immersve_both(immersve_a2, "R1"));
    BOOST_TEST(!unmarked.new_grant.has_value());
    BOOST_TEST(!unmarked.grant_lifetime.has_value());
    BOOST_TEST(all_of(unmarked.warnings) == "");
}

BOOST_AUTO_TEST_CASE(immersve_vectors_4_and_5_claims) {
    struct Claims {
        std::string token;
        std::int64_t lifetime_ms;  // the clock and the reply are at 1,700,000,000
        bool warned;
    };
    const std::string padded = R"({"x":"???>>>","iat":1700000000,"exp":1700001200})";
    BOOST_TEST(has(jwt_of(padded), "/"));  // the standard alphabet
    for (const Claims& row : std::vector<Claims>{
             {jwt_of(R"({"exp":"1700001200"})"), 1'200'000, true},
             {jwt_of(R"({"exp":1700000900000})"), 1'200'000, true},  // milliseconds
             {jwt_of(R"({"exp":1e30})"), 1'200'000, true},
             {jwt_of(R"({"exp":1e400})"), 1'200'000, true},
             {jwt_of(R"({"exp":-1})"), 1'200'000, true},
             {jwt_of(R"({"exp":null})"), 1'200'000, true},
             {jwt_of(R"({"iat":1700000000})"), 1'200'000, true},
             {jwt_of(R"({"exp":1700000900.75})"), 900'000, false},
             {jwt_of(R"({"iat":1600000000,"exp":1600000900})"), 900'000, false},  // a wrong clock
             {jwt_of(R"({"iat":"soon","exp":1700000900})"), 900'000, true},
             {jwt_of(R"({"iat":1700000000,"exp":1700000000})"), 0, true},
             {jwt_of(padded), 1'200'000, false},
             {jwt_of("not json"), 1'200'000, true},
             {jwt_of(std::string(10'000, '[')), 1'200'000, true},
             {"not.a.jwt", 1'200'000, true},
             {"opaque", 1'200'000, true},
             {"a.b.c.d", 1'200'000, true},
         }) {
        BOOST_TEST_CONTEXT(row.token.substr(0, 60)) {
            const Minted m = minted(immersve_both(row.token, immersve_r2));
            BOOST_TEST(m.access_token.view() == row.token);  // never altered
            BOOST_TEST(m.lifetime->count() == row.lifetime_ms);
            BOOST_TEST(m.warnings.size() == (row.warned ? 1U : 0U), all_of(m.warnings));
        }
    }
    for (const auto& [refresh, lifetime_ms] : std::vector<std::pair<std::string, std::int64_t>>{
             {"opaque", 30 * day_ms},
             {jwt_of(R"({"iat":1700000000,"exp":1702592000000})"), 30 * day_ms},
             {jwt_of(R"({"iat":1700000000,"exp":1701728000})"), 20 * day_ms},
             {jwt_of(R"({"iat":0,"exp":99999999999})"), limits::lifetime_max_ms.count()},
         }) {
        const Minted m = minted(immersve_both(immersve_a2, refresh));
        BOOST_TEST(m.grant_lifetime->count() == lifetime_ms);
        BOOST_TEST(m.warnings.size() == (lifetime_ms == 30 * day_ms ? 1U : 0U));
    }
    // An exp alone counts from the reply's own Date, whatever our clock says.
    Account a = immersve_account();
    a.clock.wall_time = wall_from_ms(1'800'000'000'000);
    auto skewed = json_reply(200, immersve_both(jwt_of(R"({"exp":784111807})"), immersve_r2));
    skewed.headers.emplace_back("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    BOOST_TEST(done<Minted>(immersve_answer(a, std::move(skewed))).lifetime->count() == 30'000);
}
