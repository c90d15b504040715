// What Webroot's replies mean: vectors 5 to 12, the statuses, and what the transport may do.
#include "base/limits.hpp"
#include "tests/unit/providers/webroot_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr std::string_view good =
    R"({"access_token":"E0wc-_x","token_type":"bearer","expires_in":299,)"
    R"("refresh_token":"276927f4e97a46db8b94fda24d52d93d","scope":"[\"ECom.Shop\"]"})";

std::string with(std::string_view from, std::string_view to) {
    std::string text(good);
    const std::size_t at = text.find(from);
    BOOST_REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

Minted minted(std::string_view body) {
    Account a = webroot_account();
    return done<Minted>(answer(a, json_reply(200, body)));
}

struct Row {
    std::string name;
    int status;
    std::string type;  // empty: no Content-Type
    std::string body;
    FailureClass failure;
    std::string code;
};

void check(const Row& row) {
    BOOST_TEST_CONTEXT(row.name) {
        Account a = webroot_account();
        Pairs headers;
        if (!row.type.empty()) headers.emplace_back("content-type", row.type);
        const auto f = done<Failed>(answer(a, reply(row.status, row.body, headers)));
        BOOST_TEST(to_string(f.failure) == to_string(row.failure));
        BOOST_TEST(f.code == row.code);
        BOOST_TEST(!f.reason.empty());
        BOOST_TEST(f.reason.find("login") == std::string::npos);  // no page is shown
        BOOST_TEST((f.scope == Failed::Scope::account));
    }
}

const std::string json = "application/json; charset=utf-8";
constexpr auto retry = FailureClass::retry;
constexpr auto reauth = FailureClass::reauth;
constexpr auto config = FailureClass::config;
constexpr auto never = FailureClass::never;
constexpr auto ambiguous = FailureClass::ambiguous;

}  // namespace

BOOST_AUTO_TEST_CASE(vector_5_success) {
    const Minted m = minted(good);
    BOOST_TEST(m.access_token.view() == "E0wc-_x");
    BOOST_TEST(m.header_name == "Authorization");
    BOOST_TEST(m.header_prefix == "Bearer ");
    BOOST_TEST(m.lifetime->count() == 299'000);
    BOOST_TEST(to_ms(m.sent_at) == 900'000);
    BOOST_TEST(m.scopes == std::vector<std::string>{"ECom.Shop"}, boost::test_tools::per_element());
    BOOST_REQUIRE(m.new_grant.has_value());
    BOOST_TEST(m.new_grant->find("refresh_token")->view() == "276927f4e97a46db8b94fda24d52d93d");
    BOOST_TEST(m.grant_lifetime->count() == 14LL * 86'400'000);
    BOOST_TEST(m.warnings.empty());  // ecom.shop was asked for: compared without case
    const Traits traits = webroot().traits(webroot_account().client);
    BOOST_TEST(traits.single_use_grant);
    BOOST_TEST(299 * traits.renew_to <= 240);
    const std::string largest(limits::token_bytes_max, 'x');
    BOOST_TEST(minted(with("E0wc-_x", largest)).access_token.view() == largest);
}

BOOST_AUTO_TEST_CASE(vector_6_expires_in) {
    BOOST_TEST(minted(with("299", "\"299\"")).lifetime->count() == 299'000);
    BOOST_TEST(minted(with("299", "299.9")).lifetime->count() == 299'000);
    BOOST_TEST(minted(with("299", "0")).lifetime->count() == 0);
    BOOST_TEST(minted(with("\"expires_in\":299,", "")).lifetime->count() == 299'000);
    for (const char* wrong : {"-1", "\"-1\"", "true", "\"soon\"", "1e400", "[299]"})
        check({wrong, 200, json, with("299", wrong), never, "bad_expires_in"});
}

BOOST_AUTO_TEST_CASE(vector_7_no_new_refresh_token) {
    for (const char* other :
         {"\"other\":\"x\"", "\"refresh_token\":\"\"", "\"refresh_token\":null"}) {
        const Minted m =
            minted(with("\"refresh_token\":\"276927f4e97a46db8b94fda24d52d93d\"", other));
        BOOST_TEST(!m.new_grant.has_value());
        BOOST_TEST(!m.grant_lifetime.has_value());
        BOOST_TEST(m.warnings.size() == 1U);
    }
    const Minted same =
        minted(with("276927f4e97a46db8b94fda24d52d93d", "e638d190ecec49aa80157e86fb11e4e5"));
    BOOST_TEST(!same.new_grant.has_value());
    BOOST_TEST(same.warnings.empty());
}

BOOST_AUTO_TEST_CASE(vector_8_damaged_tokens) {
    check({"raw line feed", 200, json, with("E0wc", "E0\nwc"), ambiguous, "bad_json"});
    check({"escaped line feed", 200, json, with("E0wc", "E0\\nwc"), ambiguous, "bad_charset"});
    check({"space", 200, json, with("E0wc", "E0 wc"), ambiguous, "bad_charset"});
    check({"NUL", 200, json, with("E0wc", "E0\\u0000wc"), ambiguous, "bad_charset"});
    check({"refresh token", 200, json, with("276927f4", "27\\t6927f4"), ambiguous, "bad_charset"});
    check(
        {"too long", 200, json, with("E0wc", std::string(16'385, 'x')), ambiguous, "bad_charset"});
}

BOOST_AUTO_TEST_CASE(vector_9_token_type) {
    BOOST_TEST(minted(with("bearer", "BEARER")).warnings.empty());
    check({"mac", 200, json, with("bearer", "mac"), never, "bad_token_type"});
    check({"a number", 200, json, with("\"bearer\"", "1"), never, "bad_token_type"});
    BOOST_TEST(minted(with("\"token_type\":\"bearer\",", "")).warnings.size() == 1U);
}

BOOST_AUTO_TEST_CASE(vectors_10_to_12_refusals) {
    const std::string nested =
        R"({"error":"invalid_request","error_description":"{\"error\":\"invalid_grant\"}"})";
    const std::string login = "<html><title>login</title>";
    const std::vector<Row> rows = {
        {"10 nested", 400, json, nested, reauth, "invalid_grant"},
        {"10 plain", 400, json, R"({"error":"invalid_grant"})", reauth, "invalid_grant"},
        {"10 invalid_request", 400, json,
         R"({"error":"invalid_request","error_description":"scope missing"})", never,
         "invalid_request"},
        {"10 not json", 400, json, R"({"error":"invalid_request","error_description":"{not json"})",
         never, "invalid_request"},
        {"10 nested client", 400, json,
         R"({"error":"invalid_request","error_description":"{\"error\":\"invalid_client\"}"})",
         config, "invalid_client"},
        {"10 nested other", 400, json,
         R"({"error":"invalid_request","error_description":"{\"error\":\"invalid_scope\"}"})",
         never, "invalid_request"},
        {"11", 401, json, R"({"error":"invalid_client"})", config, "invalid_client"},
        {"12", 200, "text/html", login, ambiguous, "html"},
        {"unauthorized_client", 400, json, R"({"error":"unauthorized_client"})", config,
         "unauthorized_client"},
        {"invalid_scope", 400, json, R"({"error":"invalid_scope"})", config, "invalid_scope"},
        {"grant type", 400, json, R"({"error":"unsupported_grant_type"})", never,
         "unsupported_grant_type"},
        {"temporary", 400, json, R"({"error":"temporarily_unavailable"})", retry,
         "temporarily_unavailable"},
        {"6.4 error wins over 200", 200, json, R"({"error":"invalid_grant"})", reauth,
         "invalid_grant"},
        {"6.5 unmapped", 400, json, R"({"status":400,"message":"Invalid refresh token"})", config,
         "unknown_error"},
        {"6.7 error is an object", 400, json, R"({"error":{"code":"invalid_grant"}})", config,
         "unknown_error"},
        {"error twice", 400, json, R"({"error":"invalid_grant","error":"invalid_scope"})", config,
         "unknown_error"},
    };
    for (const Row& row : rows)
        check(row);
}

BOOST_AUTO_TEST_CASE(a_success_that_cannot_be_read_leaves_the_outcome_unknown) {
    const std::vector<Row> rows = {
        {"empty", 200, json, "", ambiguous, "empty_reply"},
        {"204", 204, "", "", ambiguous, "empty_reply"},
        {"truncated", 200, json, std::string(good.substr(0, 60)), ambiguous, "bad_json"},
        {"trailing garbage", 200, json, std::string(good) + "x", ambiguous, "bad_json"},
        {"octets", 200, "application/octet-stream", std::string(good), ambiguous, "bad_media_type"},
        {"array", 200, json, "[1]", ambiguous, "bad_schema"},
        {"no token", 200, json, "{}", ambiguous, "bad_schema"},
        {"null token", 200, json, with("\"E0wc-_x\"", "null"), ambiguous, "bad_schema"},
        {"token twice", 200, json, with("{", "{\"access_token\":\"a\","), ambiguous, "bad_schema"},
        {"token too long", 200, json,
         with("E0wc-_x", std::string(limits::token_bytes_max + 1, 'x')), ambiguous, "bad_charset"},
        {"refresh twice", 200, json, with("{", "{\"refresh_token\":\"a\","), ambiguous,
         "bad_schema"},
        {"refresh number", 200, json, with("\"276927f4e97a46db8b94fda24d52d93d\"", "7"), ambiguous,
         "bad_schema"},
        {"deep", 200, json,
         with("{", "{\"x\":" + std::string(17, '[') + std::string(17, ']') + ","), ambiguous,
         "bad_json"},
    };
    for (const Row& row : rows)
        check(row);
    for (const char* type : {"", "text/plain", "application/vnd.x+json", "APPLICATION/JSON"}) {
        Account a = webroot_account();
        Pairs headers;
        if (*type != '\0') headers.emplace_back("content-type", type);
        (void)done<Minted>(answer(
            a, reply(200, std::string("\xEF\xBB\xBF") + std::string(good) + " \r\n", headers)));
    }
    Account a = webroot_account();
    const auto gzip = done<Failed>(answer(
        a, reply(200, good, {{"content-type", "application/json"}, {"content-encoding", "gzip"}})));
    BOOST_TEST(gzip.code == "bad_media_type");
}

BOOST_AUTO_TEST_CASE(an_unusable_success_still_hands_over_its_refresh_token) {
    for (const std::string& body :
         {with("299", "-1"), with("bearer", "mac"), with("E0wc", "E0\\nwc")}) {
        Account a = webroot_account();
        const auto f = done<Failed>(answer(a, json_reply(200, body)));
        BOOST_REQUIRE(f.new_grant.has_value());
        BOOST_TEST(f.new_grant->find("refresh_token")->view() ==
                   "276927f4e97a46db8b94fda24d52d93d");
    }
}

BOOST_AUTO_TEST_CASE(statuses) {
    for (const int status : {408, 425, 429, 500, 503, 511})
        check({"", status, json, R"({"error":"invalid_grant"})", retry,
               "http_" + std::to_string(status)});
    for (const int status : {502, 504, 520, 524})
        check({"", status, "", "", ambiguous, "http_" + std::to_string(status)});
    for (const int status : {401, 403, 404, 405, 407, 410})
        check({"", status, "", "", config, "http_" + std::to_string(status)});
    for (const int status : {400, 406, 411, 413, 414, 415, 422, 431, 501, 505})
        check({"", status, "", "", never, "http_" + std::to_string(status)});
    check({"page", 403, "text/html", "<html>login", retry, "html"});
    check({"page", 503, "text/html", "<html>login", retry, "http_503"});
    check({"page", 502, "text/html", "<html>login", ambiguous, "http_502"});
}

BOOST_AUTO_TEST_CASE(scopes_and_echoed_secrets) {
    for (const char* form : {R"("a b")", R"(["a","b"])", R"("[\"a\",\"b\"]")"}) {
        const Minted m = minted(with(R"("[\"ECom.Shop\"]")", form));  // 6.2
        const std::vector<std::string> expected = {"a", "b"};
        BOOST_TEST(m.scopes == expected, boost::test_tools::per_element());
        BOOST_TEST(m.warnings.size() == 1U);  // 6.10: ecom.shop was not granted
    }
    Account a = webroot_account();
    a.client_secrets = secrets({{"client_secret", "cs_test_1/2+3"}});
    const std::string basic = header(sent(a.begin(webroot())->start()), "Authorization");
    for (const std::string& echo :
         {std::string("e638d190ecec49aa80157e86fb11e4e5"), std::string("cs_test_1/2+3"),
          std::string("cs_test_1%2F2%2B3"), std::string("cs_test_1%2f2%2b3"),
          std::string("cs_test_1\\\\/2+3"), basic}) {
        const auto f = done<Failed>(
            answer(a, json_reply(400, R"({"error":"invalid_client","error_description":"got )" +
                                          echo + R"( from you"})")));
        BOOST_TEST(f.reason.find("from you") != std::string::npos);
        BOOST_TEST(f.reason.find("e638d190") == std::string::npos);
        BOOST_TEST(f.reason.find("cs_test") == std::string::npos);
        if (echo == basic) BOOST_TEST(f.reason.find(basic.substr(6, 12)) == std::string::npos);
    }
}
