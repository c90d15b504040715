// What Ready Player Me's replies mean, but for their age: vectors 5 to 10 and bad input.
#include "base/limits.hpp"
#include "tests/unit/providers/readyplayerme_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr auto retry = FailureClass::retry;
constexpr auto reauth = FailureClass::reauth;
constexpr auto config = FailureClass::config;
constexpr auto never = FailureClass::never;
const std::string json = "application/json";

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rpm_vectors_5_and_6_successes_without_a_token) {
    struct Row {
        std::string name;
        int status;
        std::string type;
        std::string body;
        FailureClass failure;
        std::string code;
    };
    const std::string too_long(limits::token_bytes_max + 1, 'x');
    for (const Row& row : std::vector<Row>{
             {"5", 200, json, R"({"token":"x"})", never, "bad_schema"},
             {"6", 200, json, R"({"data":{"token":null}})", never, "bad_schema"},
             {"empty token", 200, json, rpm_body(""), never, "bad_schema"},
             {"number", 200, json, R"({"data":{"token":1e400}})", never, "bad_schema"},
             {"twice", 200, json, R"({"data":{"token":"a","token":"b"}})", never, "bad_schema"},
             {"data twice", 200, json, R"({"data":{"token":"a"},"data":{"token":"b"}})", never,
              "bad_schema"},
             {"data list", 200, json, R"({"data":[{"token":"a"}]})", never, "bad_schema"},
             {"array", 200, json, "[]", never, "bad_schema"},
             {"line feed", 200, json, rpm_body("a\\nb"), never, "bad_charset"},
             {"space", 200, json, rpm_body("a b"), never, "bad_charset"},
             {"beyond ASCII", 200, json, rpm_body("\xC3\xBC"), never, "bad_charset"},
             {"too long", 200, json, rpm_body(too_long), never, "bad_charset"},
             {"raw line feed", 200, json, rpm_body("a\nb"), never, "bad_json"},
             {"cut", 200, json, R"({"data":{"tok)", never, "bad_json"},
             {"deep", 200, json, std::string(10'000, '['), never, "bad_json"},
             {"empty", 200, json, "", never, "empty_reply"},
             {"204", 204, "", "", never, "empty_reply"},
             {"octets", 200, "application/octet-stream", rpm_body("a"), never, "bad_media_type"},
             {"page", 200, "text/html", "<html>", retry, "html"},
         }) {
        BOOST_TEST_CONTEXT(row.name) {
            Account a = rpm_account();
            Pairs headers;
            if (!row.type.empty()) headers.emplace_back("content-type", row.type);
            const auto f = done<Failed>(rpm_answered(a, reply(row.status, row.body, headers)));
            BOOST_TEST(to_string(f.failure) == to_string(row.failure));
            BOOST_TEST(f.code == row.code);
            // What a caller's user_id may have brought about must not stop the others.
            BOOST_TEST((f.scope == Failed::Scope::parameters) == (row.failure == never));
        }
    }
}

BOOST_AUTO_TEST_CASE(rpm_vector_7_how_long_a_token_lives) {
    struct Life {
        std::string token;
        std::int64_t lifetime_ms;
        std::size_t warnings;
    };
    const auto jwt = [](std::string_view payload) {
        std::string encoded(base64(payload).view());
        while (encoded.ends_with('='))
            encoded.pop_back();
        return "e30." + encoded + ".c2ln";
    };
    for (const Life& row : std::vector<Life>{
             {"not.a.jwt", 15'000, 1},  // 7
             {"opaque", 15'000, 1},
             {"a+b/c=", 15'000, 2},  // nothing for a URL as it is
             {jwt(R"({"iat":1700000000,"exp":1700000012})"), 12'000, 0},
             {jwt(R"({"iat":1700000000,"exp":1800000000})"), 15'000, 0},
             {jwt(R"({"iat":1700000000000,"exp":1700000012000})"), 15'000, 1},
             {jwt(R"({"iat":1700000000,"exp":1e400})"), 15'000, 1},
             {jwt(R"({"exp":1700000012})"), 15'000, 1},
             {jwt(R"({"iat":"1","exp":12})"), 15'000, 1},
         }) {
        BOOST_TEST_CONTEXT(row.token) {
            const Minted m = rpm_minted(rpm_body(row.token));
            BOOST_TEST(m.access_token.view() == row.token);
            BOOST_TEST(m.lifetime->count() == row.lifetime_ms);
            BOOST_TEST(m.warnings.size() == row.warnings);
        }
    }
    for (const char* claims : {R"({"iat":100,"exp":109})", R"({"iat":100,"exp":1})"}) {
        Account a = rpm_account();  // shorter than what is wanted: minted again, and no good
        auto exchange = a.begin(readyplayerme());
        (void)sent(exchange->start());
        const auto now = [&] {
            return rpm_at(json_reply(200, rpm_body(jwt(claims))), a.clock.boot);
        };
        (void)sent(exchange->resume(now()));
        BOOST_TEST(done<Failed>(exchange->resume(now())).code == "token_too_old");
    }
}

BOOST_AUTO_TEST_CASE(rpm_vectors_8_to_10_refusals) {
    struct Row {
        int status;
        std::string body;
        FailureClass failure;
        std::string code;
        bool of_this_user;
    };
    for (const Row& row : std::vector<Row>{
             {401, R"({"message":"Invalid API key"})", config, "invalid_api_key", false},
             {401, "", config, "invalid_api_key", false},
             {402, R"({"message":"no"})", config, "request_failed", false},
             {403, R"({"message":"User has not authorized"})", reauth, "not_authorized", true},
             {403, R"({"message":7})", reauth, "not_authorized", true},
             {404, R"({"message":"no"})", config, "unknown_user", true},
             {400, R"({"message":"no"})", never, "bad_request", true},
             {400, std::string(10'000, '{'), never, "bad_request", true},
             {405, "{}", config, "http_405", false},
             {415, "{}", never, "http_415", false},
             {301, "", never, "redirect", false},
             {302, "", never, "redirect", false},
             {307, "", never, "redirect", false},
             {308, "", never, "redirect", false},
         }) {
        BOOST_TEST_CONTEXT(row.status << " " << row.body.substr(0, 40)) {
            Account a = rpm_account();
            const auto f = done<Failed>(rpm_answered(
                a,
                reply(row.status, row.body,
                      {{"content-type", json}, {"location", "https://evil.example/?k=S3CRET"}})));
            BOOST_TEST(to_string(f.failure) == to_string(row.failure));
            BOOST_TEST(f.code == row.code);
            BOOST_TEST((f.scope == Failed::Scope::parameters) == row.of_this_user);
            BOOST_TEST(!f.counts_for_origin);
            BOOST_TEST(has(f.reason, "evil.example") == (row.code == "redirect"));
            BOOST_TEST(!has(f.reason, "S3CRET"));
        }
    }
    Account a = rpm_account();
    BOOST_TEST(has(
        done<Failed>(rpm_answered(a, json_reply(401, R"({"message":"Invalid key key-1"})"))).reason,
        "Invalid key [secret]"));
    for (const int status : {401, 403, 404})  // a gateway's page says nothing of key or user
        BOOST_TEST(
            done<Failed>(rpm_answered(a, reply(status, "<html>", {{"content-type", "text/html"}})))
                .code == "html");
    a.parameters.front().second = "64943D471DC01E086AC887EE";
    for (const int status : {400, 404})
        BOOST_TEST(has(done<Failed>(rpm_answered(a, json_reply(status, "{}"))).reason,
                       "not of 24 hex digits"));
}
