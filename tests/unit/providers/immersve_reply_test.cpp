// How Immersve's replies fail: vectors 6, 7, 10 and 11, bad input, and statuses. What follows from
// a lost reply (8 and 9) is the broker's: tests/unit/daemon/immersve_test.cpp.
#include "base/limits.hpp"
#include "tests/unit/providers/immersve_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr auto retry = FailureClass::retry;
constexpr auto reauth = FailureClass::reauth;
constexpr auto config = FailureClass::config;
constexpr auto never = FailureClass::never;
constexpr auto ambiguous = FailureClass::ambiguous;

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

struct Row {
    std::string name;
    int status;
    std::string type;
    std::string body;
    FailureClass failure;
    std::string code;
};

Failed check(const Row& row, bool outcome_unknown = false) {
    Account a = immersve_account();
    a.outcome_unknown = outcome_unknown;
    Pairs headers;
    if (!row.type.empty()) headers.emplace_back("content-type", row.type);
    auto f = done<Failed>(immersve_answer(a, reply(row.status, row.body, headers)));
    BOOST_TEST_CONTEXT(row.name << " " << f.reason) {
        BOOST_TEST(to_string(f.failure) == to_string(row.failure));
        BOOST_TEST(f.code == row.code);
        BOOST_TEST(!f.reason.empty());
        BOOST_TEST((f.scope == Failed::Scope::account));
    }
    return f;
}

const std::string json = "application/json";

}  // namespace

BOOST_AUTO_TEST_CASE(immersve_vectors_6_and_7_refusals) {
    const std::vector<Row> rows = {
        {"6", 403, json,
         R"({"statusCode":403,"statusName":"Forbidden","errorCode":"REFRESH_TOKEN_EXPIRED"})",
         reauth, "refresh_token_expired"},
        {"6 in reason", 403, json, immersve_error(403, "FORBIDDEN", "REFRESH_TOKEN_EXPIRED"),
         reauth, "refresh_token_expired"},
        {"7", 403, json, immersve_error(403, "ORIGIN_NOT_ALLOWED", ""), config,
         "origin_not_allowed"},
        {"7 in reason", 403, json, immersve_error(403, "FORBIDDEN", "ORIGIN_NOT_ALLOWED"), config,
         "origin_not_allowed"},
        {"another app", 403, json, immersve_error(403, "CLIENT_APPLICATION_MISMATCH", "no"), config,
         "client_application_mismatch"},
        {"another app, in reason", 403, json,
         immersve_error(403, "FORBIDDEN", "CLIENT_APPLICATION_MISMATCH"), config,
         "client_application_mismatch"},
        {"errorCode goes first", 403, json,
         immersve_error(403, "ORIGIN_NOT_ALLOWED", "REFRESH_TOKEN_EXPIRED"), config,
         "origin_not_allowed"},
        {"unknown", 403, json, immersve_error(403, "FORBIDDEN", "Unauthorized"), config,
         "forbidden"},
        {"unknown code", 403, json, immersve_error(403, "MOON_PHASE", ""), config, "forbidden"},
        {"code in lower case", 403, json, immersve_error(403, "refresh_token_expired", ""), config,
         "forbidden"},
        {"code twice", 403, json,
         R"({"statusCode":403,"errorCode":"REFRESH_TOKEN_EXPIRED","errorCode":"X"})", config,
         "forbidden"},
        {"code is an object", 403, json, R"({"statusCode":403,"errorCode":{"a":1}})", config,
         "forbidden"},
        {"401", 401, json, immersve_error(401, "UNAUTHORIZED", "jwt malformed"), reauth,
         "unauthorized"},
        {"400", 400, json,
         R"({"statusCode":400,"errorCode":"INVALID_REQUEST_INPUT",)"
         R"("errors":[{"message":"m","path":"p"}]})",
         never, "invalid_request_input"},
        {"400 other", 400, json, immersve_error(400, "ODD", ""), never, "http_400"},
        {"404", 404, json, immersve_error(404, "NOT_FOUND", ""), config, "http_404"},
        {"422", 422, json, immersve_error(422, "X", ""), never, "http_422"},
        // Not Immersve's own words: no judgement of the grant.
        {"gateway 403", 403, json, R"({"message":"Forbidden"})", config, "http_403"},
        {"gateway 401", 401, json, R"({"message":"Unauthorized"})", config, "http_401"},
        {"empty 401", 401, "", "", config, "http_401"},
        {"broken 403", 403, json, "{\"errorCode\":\"REFRESH_TOKEN_EXPIRED\"", config, "http_403"},
        {"deep 403", 403, json, std::string(10'000, '['), config, "http_403"},
        {"page 403", 403, "text/html", "<html>REFRESH_TOKEN_EXPIRED", retry, "html"},
        {"407", 407, json, immersve_error(407, "REFRESH_TOKEN_EXPIRED", ""), config, "http_407"},
    };
    for (const Row& row : rows) {
        const Failed f = check(row);
        if (row.name == "400") BOOST_TEST(has(f.reason, "\"m\""));  // what the reply says of it
    }
    // After a lost answer the same unknown refusal is the end, a gateway's is not.
    for (const std::string& body :
         {immersve_error(403, "FORBIDDEN", "Unauthorized"), immersve_error(403, "MOON_PHASE", "")})
        check({"replayed", 403, json, body, reauth, "forbidden"}, true);
    check({"replayed", 403, json, immersve_error(403, "ORIGIN_NOT_ALLOWED", ""), config,
           "origin_not_allowed"},
          true);
    check({"replayed", 403, json, R"({"message":"Forbidden"})", config, "http_403"}, true);
    check({"replayed", 403, "", "", config, "http_403"}, true);
}

BOOST_AUTO_TEST_CASE(immersve_successes_that_cannot_be_read_leave_the_outcome_unknown) {
    const std::string good = immersve_both(immersve_a2, immersve_r2);
    const std::string too_long(limits::token_bytes_max + 1, 'x');
    const std::vector<Row> rows = {
        {"10 cut", 200, json, good.substr(0, 120), ambiguous, "bad_json"},
        {"empty", 200, json, "", ambiguous, "empty_reply"},
        {"204", 204, "", "", ambiguous, "empty_reply"},
        {"html", 200, "text/html", "<html>login", ambiguous, "html"},
        {"octets", 200, "application/octet-stream", good, ambiguous, "bad_media_type"},
        {"array", 200, json, "[" + good + "]", ambiguous, "bad_schema"},
        {"no token", 200, json, "{}", ambiguous, "bad_schema"},
        {"null", 200, json, R"({"accessToken":null})", ambiguous, "bad_schema"},
        {"a number", 200, json, R"({"accessToken":1e400})", ambiguous, "bad_schema"},
        {"twice", 200, json, R"({"accessToken":"a","accessToken":"b"})", ambiguous, "bad_schema"},
        {"raw line feed", 200, json, immersve_both("a\nb", immersve_r2), ambiguous, "bad_json"},
        {"line feed", 200, json, immersve_both("a\\nb", "R1"), ambiguous, "bad_charset"},
        {"space", 200, json, immersve_both("a b", "R1"), ambiguous, "bad_charset"},
        {"too long", 200, json, immersve_both(too_long, "R1"), ambiguous, "bad_charset"},
        {"deep", 200, json, std::string(10'000, '[') + std::string(10'000, ']'), ambiguous,
         "bad_json"},
        {"deep inside", 200, json, R"({"accessToken":"a","x":)" + std::string(10'000, '{') + "}",
         ambiguous, "bad_json"},
        {"snake case", 200, json, R"({"access_token":"a","refresh_token":"b"})", ambiguous,
         "bad_schema"},
    };
    for (const Row& row : rows) {
        const Failed f = check(row);
        BOOST_TEST(!f.new_grant.has_value());
        BOOST_TEST(f.counts_for_origin == (row.code == "html"));
    }
    // A successor that could be read is handed on, whatever is wrong with the token beside it.
    for (const std::string& body :
         {immersve_both("a\\nb", immersve_r2), R"({"refreshToken":")" + immersve_r2 + "\"}"}) {
        Account a = immersve_account();
        const auto f = done<Failed>(immersve_answer(a, json_reply(200, body)));
        BOOST_REQUIRE(f.new_grant.has_value());
        BOOST_TEST(f.new_grant->find("refresh_token")->view() == immersve_r2);
    }
}

BOOST_AUTO_TEST_CASE(immersve_statuses_and_the_transport) {
    for (const int status : {500, 502, 503, 504, 520, 524}) {
        const std::string code = "http_" + std::to_string(status);
        check(
            {"", status, json, immersve_error(403, "REFRESH_TOKEN_EXPIRED", ""), ambiguous, code});
        check({"page", status, "text/html", "<html>", ambiguous, code});
    }
    for (const int status : {408, 425, 429, 511})
        check({"", status, json, immersve_error(403, "REFRESH_TOKEN_EXPIRED", ""), retry,
               "http_" + std::to_string(status)});
    for (const int status : {501, 505})
        check({"", status, "", "", never, "http_" + std::to_string(status)});
    for (const int status : {301, 302, 307, 308})
        check({"", status, "", "", never, "redirect"});

    Account a = immersve_account();
    const auto after = [&](int status, const Pairs& headers) {
        const auto f = done<Failed>(immersve_answer(a, reply(status, "", headers)));
        BOOST_TEST(f.counts_for_origin);
        BOOST_TEST(!f.new_grant.has_value());
        return f.retry_after;
    };
    BOOST_TEST(after(429, {{"retry-after", "7"}})->count() == 7'000);  // 11
    BOOST_TEST(after(503, {{"retry-after", "7"}})->count() == 7'000);
    BOOST_TEST(!after(429, {{"retry-after", "-7"}}).has_value());

    const auto lost = [&](FailureClass failure, bool was_sent) {
        http::Failure out{failure, was_sent, "https://x: it broke near R1-R1", "reset"};
        a.grant = secrets({{"refresh_token", "R1-R1"}});
        const auto f = done<Failed>(immersve_answer(a, std::move(out)));
        BOOST_TEST(!has(f.reason, "R1-R1"));
        return f.failure;
    };
    BOOST_TEST((lost(retry, false) == retry));  // nothing was sent
    BOOST_TEST((lost(retry, true) == ambiguous));
    BOOST_TEST((lost(ambiguous, true) == ambiguous));
    BOOST_TEST((lost(config, false) == config));
}

BOOST_AUTO_TEST_CASE(immersve_echoed_tokens_stay_out_of_reasons) {
    Account a = immersve_account();
    a.grant = secrets({{"refresh_token", immersve_r2}});
    for (const char* code : {"FORBIDDEN", "UNAUTHORIZED"}) {
        for (const int status : {400, 401, 403, 404}) {
            const auto f = done<Failed>(immersve_answer(
                a, json_reply(status,
                              immersve_error(status, code, "token " + immersve_r2 + " is bad"))));
            BOOST_TEST(has(f.reason, "is bad"), f.reason);
            BOOST_TEST(!has(f.reason, "eyJzdWIi"));
            BOOST_TEST(f.reason.size() <= limits::error_text_bytes_max);
        }
    }
    const auto named =
        done<Failed>(immersve_answer(a, json_reply(403, immersve_error(403, immersve_r2, ""))));
    BOOST_TEST(!has(named.reason, "eyJzdWIi"));
}
