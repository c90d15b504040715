// What replies mean to an oauth2 client: vectors 2 to 7 and 10, lifetimes, the forms of errors.
#include "base/limits.hpp"
#include "tests/unit/providers/oauth2_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr auto retry = FailureClass::retry;
constexpr auto reauth = FailureClass::reauth;
constexpr auto config = FailureClass::config;
constexpr auto never = FailureClass::never;
constexpr auto ambiguous = FailureClass::ambiguous;

std::string good_and(const std::string& more) {
    return R"({"access_token":"at_test_1","token_type":"Bearer","refresh_token":"rt_test_new")" +
           more + "}";
}

Minted minted(Account a, const std::string& body, Pairs more = {}) {
    more.emplace_back("content-type", "application/json");
    return done<Minted>(answered(a, reply(200, body, more)));
}
Failed refused(Account a, int status, const std::string& body) {
    return done<Failed>(answered(a, json_reply(status, body)));
}

void check(const Account& a, int status, const std::string& body, FailureClass failure,
           std::string_view code) {
    BOOST_TEST_CONTEXT(status << " " << body.substr(0, 80)) {
        Account copy = oauth2_account();
        copy.client = a.client;
        const Failed f = refused(std::move(copy), status, body);
        BOOST_TEST(to_string(f.failure) == to_string(failure));
        BOOST_TEST(f.code == code);
        BOOST_TEST(f.reason.size() <= limits::error_text_bytes_max);
        BOOST_TEST(!has(f.reason, "rt_test"));
    }
}

Account with(const std::string& key, Value value) {
    Account a = oauth2_account();
    put(a, key, std::move(value));
    return a;
}

}  // namespace

BOOST_AUTO_TEST_CASE(oauth2_vector_2_scopes_in_three_forms) {
    const List expected = {"a", "b"};
    for (const char* form : {R"(["a","b"])", R"("a b")", R"("[\"a\",\"b\"]")"}) {
        Account a = oauth2_account();
        a.client.scopes = {"a", "b"};
        const Minted m =
            minted(std::move(a), good_and(",\"expires_in\":60,\"scope\":" + std::string(form)));
        BOOST_TEST(m.scopes == expected, boost::test_tools::per_element());
        BOOST_TEST(m.warnings.empty());
    }
}

BOOST_AUTO_TEST_CASE(oauth2_vector_3_a_reply_without_a_refresh_token) {
    const std::string body =
        R"({"access_token":"at_test_1","token_type":"bearer","expires_in":60})";
    const Minted kept = minted(oauth2_account(), body);
    BOOST_TEST(!kept.new_grant.has_value());
    BOOST_TEST(kept.warnings.empty());
    BOOST_TEST(minted(with("rotation", "single_use"), body).warnings.size() == 1U);
    const Minted next = minted(with("refresh_ttl", "30d"), good_and(R"(,"expires_in":60)"));
    BOOST_TEST(next.new_grant->find("refresh_token")->view() == "rt_test_new");
    BOOST_TEST(next.grant_lifetime->count() == 30LL * 86'400'000);
    // An acknowledged grant is kept even where none was expected.
    const Minted odd = minted(with("rotation", "never"), good_and(R"(,"expires_in":60)"));
    BOOST_TEST(odd.new_grant->find("refresh_token")->view() == "rt_test_new");
    BOOST_TEST(odd.warnings.size() == 1U);
}

BOOST_AUTO_TEST_CASE(oauth2_vectors_4_5_and_7_errors) {
    const Account plain = oauth2_account();
    check(plain, 200, R"({"error":"invalid_grant"})", reauth, "invalid_grant");  // 4
    check(plain, 400, R"({"error":"invalid_grant"})", reauth, "invalid_grant");
    const std::string twitch = R"({"status":400,"message":"Invalid refresh token"})";
    check(plain, 400, twitch, config, "unknown_error");  // 5, unmapped
    Account mapped = with("fields", Table{{"error", "/message"}});
    check(mapped, 400, twitch, config, "unknown_error");
    put(mapped, "error_map", Table{{"invalid refresh token", "reauth"}, {"later", "retry"}});
    check(mapped, 400, twitch, reauth, "invalid_grant");  // 5
    check(mapped, 400, R"({"message":"later"})", retry, "mapped_error");
    check(mapped, 400, R"({"error":"invalid_client","message":"odd"})", config, "invalid_client");
    for (const char* odd : {R"({"error":{"code":"invalid_grant"}})", R"({"error":7})",
                            R"({"error":["invalid_grant"]})", R"({"error":true})",
                            R"({"error":"invalid_grant","error":"invalid_grant"})"}) {  // 7
        check(plain, 400, odd, config, "unknown_error");
        check(plain, 200, odd, config, "unknown_error");
    }
    check(plain, 401, R"({"error":"invalid_client"})", config, "invalid_client");
    check(plain, 400, R"({"error":"unauthorized_client"})", config, "unauthorized_client");
    check(plain, 400, R"({"error":"invalid_scope"})", config, "invalid_scope");
    check(plain, 400, R"({"error":"invalid_request"})", never, "invalid_request");
    check(plain, 400, R"({"error":"unsupported_grant_type"})", never, "unsupported_grant_type");
    for (const char* busy : {"temporarily_unavailable", "server_error", "slow_down"})
        check(plain, 400, R"({"error":")" + std::string(busy) + "\"}", retry, busy);
    check(with("error_map", Table{{"token is dead", "reauth"}}), 400,
          R"({"error":"x","error_description":"Token is dead"})", reauth, "invalid_grant");
    check(plain, 503, R"({"error":"invalid_grant"})", retry, "http_503");
    check(plain, 502, R"({"error":"invalid_grant"})", ambiguous, "http_502");
    check(plain, 400, R"({"error":"odd rt_test_old","error_description":"rt_test_old"})", config,
          "unknown_error");
}

BOOST_AUTO_TEST_CASE(oauth2_what_can_be_lost_depends_on_the_grant) {
    check(oauth2_account(), 200, "{", ambiguous, "bad_json");
    check(with("rotation", "never"), 200, "{", never, "bad_json");
    check(with("rotation", "never"), 502, "", retry, "http_502");
    Account application = with("grant", "client_credentials");
    check(application, 200, "{", never, "bad_json");
    check(application, 400, R"({"error":"invalid_grant"})", config, "invalid_grant");  // no login
    const Minted m = minted(std::move(application), good_and(R"(,"expires_in":60)"));
    BOOST_TEST(!m.new_grant.has_value());
    const Account dead = with("error_map", Table{{"gone", "reauth"}});
    check(dead, 410, R"({"error":"gone"})", reauth, "invalid_grant");
    check(oauth2_account(), 201, good_and(""), ambiguous, "http_201");
    Account created = with("success_statuses", List{"200", "201"});
    (void)done<Minted>(answered(created, json_reply(201, good_and(""))));
}

BOOST_AUTO_TEST_CASE(oauth2_bad_input) {
    const Account plain = oauth2_account();
    const std::string deep = "{\"x\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}";
    check(plain, 200, deep, ambiguous, "bad_json");
    check(plain, 400, deep, never, "http_400");
    const std::string line = R"({"access_token":"at\ntest","token_type":"bearer","expires_in":60})";
    check(plain, 200, line, ambiguous, "bad_charset");
    check(plain, 200, "{\"access_token\":\"at\ntest\"}", ambiguous, "bad_json");
    check(plain, 200, R"({"access_token":"at_test","refresh_token":"rt\n1"})", ambiguous,
          "bad_charset");
    for (const char* wrong : {"1e400", "-1", "\"soon\"", "true", "[60]", "{}"})
        check(plain, 200, good_and(",\"expires_in\":" + std::string(wrong)), never,
              "bad_expires_in");
    check(plain, 200, R"({"access_token":"at_test","token_type":"DPoP"})", never, "bad_token_type");
    check(plain, 200, "", ambiguous, "empty_reply");
    check(plain, 200, "[1]", ambiguous, "bad_schema");
    check(plain, 200, R"({"access_token":"a","access_token":"b"})", ambiguous, "bad_schema");
}

BOOST_AUTO_TEST_CASE(oauth2_an_unusable_success_still_hands_over_its_refresh_token) {
    for (const std::string& body :
         {good_and(R"(,"expires_in":-1)"), good_and(R"(,"error":"server_error")"),
          std::string(R"({"refresh_token":"rt_test_new"})"),
          std::string(R"({"access_token":"a b","refresh_token":"rt_test_new"})"),
          std::string(
              R"({"access_token":"a","token_type":"mac","refresh_token":"rt_test_new"})")}) {
        const Failed f = refused(oauth2_account(), 200, body);
        BOOST_REQUIRE(f.new_grant.has_value());
        BOOST_TEST(f.new_grant->find("refresh_token")->view() == "rt_test_new");
    }
    BOOST_TEST(refused(oauth2_account(), 201, good_and("")).new_grant.has_value());
    Account strict = with("require_scopes", List{"write"});
    BOOST_TEST(
        refused(std::move(strict), 200, good_and(R"(,"scope":"read")")).new_grant.has_value());
}

BOOST_AUTO_TEST_CASE(oauth2_vector_10_fewer_scopes) {
    const auto account = [] {
        Account a = oauth2_account();
        a.client.scopes = {"read", "write"};
        return a;
    };
    const std::string less = good_and(R"(,"expires_in":60,"scope":"read")");
    BOOST_TEST(minted(account(), less).warnings.size() == 1U);
    Account strict = account();
    put(strict, "require_scopes", List{"write"});
    check(strict, 200, less, config, "missing_scope");
    (void)minted(std::move(strict), good_and(R"(,"expires_in":60)"));  // absent: as requested
    Account loose = account();
    const std::string other = good_and(R"(,"expires_in":60,"scope":"READ Write")");
    BOOST_TEST(minted(account(), other).warnings.size() == 2U);
    put(loose, "scope_compare", "icase");
    BOOST_TEST(minted(std::move(loose), other).warnings.empty());
}

BOOST_AUTO_TEST_CASE(oauth2_lifetimes) {
    const auto lifetime = [](Account a, const std::string& more) {
        return minted(std::move(a), good_and(more), {{"date", "Thu, 30 Apr 2020 20:34:43 GMT"}})
            .lifetime;
    };
    BOOST_TEST(lifetime(oauth2_account(), R"(,"expires_in":3599)")->count() == 3'599'000);
    BOOST_TEST(lifetime(oauth2_account(), R"(,"expires_in":"299")")->count() == 299'000);
    BOOST_TEST(lifetime(oauth2_account(), "")->count() == 600'000);
    BOOST_TEST(lifetime(with("expiry", List{"fixed:90"}), R"(,"expires_in":3599)")->count() ==
               90'000);
    BOOST_TEST(!lifetime(with("expiry", List{"reactive"}), R"(,"expires_in":3599)").has_value());
    BOOST_TEST(lifetime(with("max_lifetime", "1m"), R"(,"expires_in":3599)")->count() == 60'000);
    // 6: the same second, whatever the form.
    Account at = with("expiry", List{"expires_at", "reactive"});
    put(at, "fields", Table{{"expires_at", "/expires_at"}});
    const auto expires_at = [&](const std::string& value) {
        Account copy = oauth2_account();
        copy.client = at.client;
        return lifetime(std::move(copy), ",\"expires_at\":" + value);
    };
    BOOST_TEST(expires_at("\"2020-04-30T22:34:43.549Z\"")->count() / 1'000 == 7'200);
    BOOST_TEST(expires_at("1588286083")->count() / 1'000 == 7'200);
    BOOST_TEST(expires_at("\"1588286083\"")->count() / 1'000 == 7'200);
    BOOST_TEST(expires_at("1588286083549")->count() == 7'200'549);
    BOOST_TEST(expires_at("1588286083.0")->count() / 1'000 == 7'200);
    BOOST_TEST(expires_at("1")->count() == 0);
    BOOST_TEST(!expires_at("null").has_value());
    for (const char* wrong : {"1e400", "-5", "\"tomorrow\"", "true", "\"2020-04-30\"", "\"\""})
        check(at, 200, good_and(",\"expires_at\":" + std::string(wrong)), never, "bad_expires_at");
    const std::string jwt =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwMDE1fQ.c2ln";
    const std::string with_jwt = R"({"access_token":")" + jwt + R"(","token_type":"bearer"})";
    const Minted m = minted(oauth2_account(), with_jwt);
    BOOST_TEST(m.lifetime->count() == 15'000);
    // One that the server had in hand for a while, by its own clock.
    const auto at_date = [&](const std::string& date) {
        return minted(oauth2_account(), with_jwt, {{"date", date}}).lifetime->count();
    };
    BOOST_TEST(at_date("Tue, 14 Nov 2023 22:13:22 GMT") == 15'000);
    BOOST_TEST(at_date("Tue, 14 Nov 2023 22:13:29 GMT") == 6'000);
    BOOST_TEST(at_date("Tue, 14 Nov 2023 23:13:29 GMT") == 0);
}

BOOST_AUTO_TEST_CASE(oauth2_members_elsewhere) {
    Account a = with("fields", Table{{"access", "/data/tokens/0/value"},
                                     {"refresh", "/data/re~1fresh"},
                                     {"expires_in", ""},
                                     {"refresh_expires_in", "/data/ttl"}});
    const Minted m =
        minted(std::move(a), R"({"expires_in":"odd","data":{"tokens":[{"value":"at_test_2"}],)"
                             R"("re/fresh":"rt_test_3","ttl":28800},"token_type":"bearer"})");
    BOOST_TEST(m.access_token.view() == "at_test_2");
    BOOST_TEST(m.new_grant->find("refresh_token")->view() == "rt_test_3");
    BOOST_TEST(m.grant_lifetime->count() == 28'800'000);
    BOOST_TEST(m.lifetime->count() == 600'000);
}
