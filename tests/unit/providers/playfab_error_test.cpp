// What PlayFab answers where something went wrong: its numbered errors, waiting times, and what is
// no answer of its own (vectors 9 to 11).
#include "base/limits.hpp"
#include "tests/unit/providers/playfab_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr auto retry = FailureClass::retry;
constexpr auto reauth = FailureClass::reauth;
constexpr auto config = FailureClass::config;
constexpr auto never = FailureClass::never;

}  // namespace

BOOST_AUTO_TEST_CASE(playfab_the_table_of_errors) {
    struct Row {
        std::vector<int> numbers;
        FailureClass by_secret;
        FailureClass by_ticket;
    };
    const std::vector<Row> rows = {
        {{1199, 1342, 1133, 1287, 1123, 1127, 1110, 500}, retry, retry},
        {{1291, 1374, 1375, 1376, 1377, 1536}, retry, retry},
        {{1334, 1335, 1336, 1337, 1100, 1074, 1089}, config, reauth},
        {{1293, 1191, 1454, 1295, 1004, 1131, 1347, 1373, 1307, 1298, 1214}, config, config},
        {{1002, 1322, 1558}, reauth, reauth},
        {{1000, 1071, 1144, 1200}, never, never},
    };
    for (const Row& row : rows)
        for (const int number : row.numbers)
            for (const int status : {200, 400, 401, 403, 409, 500}) {
                const auto reply_of = [&] {
                    return json_reply(status, error_body(status == 200 ? 400 : status, number));
                };
                const Failed f = fails(playfab_account("secret"), reply_of());
                BOOST_TEST((f.failure == row.by_secret), number << " in " << status);
                BOOST_TEST(f.code != "unknown_error");
                BOOST_TEST(has(f.reason, std::to_string(number)));
                BOOST_TEST(has(f.reason, "some words"), f.reason);
                BOOST_TEST((fails(playfab_account("ticket"), reply_of()).failure == row.by_ticket),
                           number << " in " << status);
                BOOST_TEST(f.retry_after.has_value() == (number == 1291 || number == 1536 ||
                                                         (number >= 1374 && number <= 1377)));
            }
    BOOST_TEST(has(fails(playfab_account("entity"), json_reply(401, error_body(401, 1337))).reason,
                   "find out who"));
}

BOOST_AUTO_TEST_CASE(playfab_unknown_errors_by_status) {
    struct Row {
        int status;
        FailureClass failure;
    };
    for (const auto& [status, failure] : std::vector<Row>{{400, config},
                                                          {401, config},
                                                          {403, config},
                                                          {404, config},
                                                          {408, retry},
                                                          {409, retry},
                                                          {429, retry},
                                                          {500, retry},
                                                          {501, config},
                                                          {503, retry}}) {
        for (const int http : {200, status}) {  // 200: by the code in the body
            const Failed f =
                fails(playfab_account("entity"), json_reply(http, error_body(status, 9999)));
            BOOST_TEST((f.failure == failure), http << " " << status);
            BOOST_TEST(f.code == "unknown_error");
            BOOST_TEST(has(f.reason, "9999"), f.reason);
        }
        // Neither null, a string, a fraction nor infinity is a number to decide by.
        for (const char* body :
             {"{}", "null", "[]", R"({"errorCode":null})", R"({"errorCode":"1336"})",
              R"({"errorCode":1336.5})", R"({"errorCode":1e400})", R"({"errorCode":-1336})",
              R"({"errorCode":1336,"errorCode":1336})"})
            BOOST_TEST(
                (fails(playfab_account("entity"), json_reply(status, body)).failure == failure),
                status << " " << body);
    }
}

BOOST_AUTO_TEST_CASE(playfab_vector_9_the_least_an_error_says) {
    const Failed f =
        fails(playfab_account("secret"), json_reply(400, R"({"code":400,"errorCode":1004})"));
    BOOST_TEST((f.failure == config));
    BOOST_TEST(f.code == "invalid_title_id");
    BOOST_TEST(!f.counts_for_origin);
}

BOOST_AUTO_TEST_CASE(playfab_vector_10_the_longest_of_the_retry_values) {
    struct Row {
        std::string header;
        std::string body;
        std::int64_t seconds;  // 0: none
    };
    const std::vector<Row> rows = {
        {"8", R"("retryAfterSeconds":20)", 20},
        {"30", R"("retryAfterSeconds":20)", 30},
        {"8", R"("retryAfter":12)", 12},
        {"8", R"("retryAfter":12,"retryAfterSeconds":11)", 12},
        {"", R"("retryAfterSeconds":8)", 8},
        {"", R"("retryAfterSeconds":"9")", 9},
        {"", R"("retryAfterSeconds":8.2)", 9},  // never a moment too early
        {"", R"("retryAfterSeconds":-5)", 0},
        {"", R"("retryAfterSeconds":1e400)", 0},
        {"", R"("retryAfterSeconds":{"x":1})", 0},
        {"-1", R"("x":1)", 0},
        {"", R"("retryAfterSeconds":1e9)", 3'600},
        {"Tue, 25 Jan 2022 07:25:12 GMT", R"("retryAfterSeconds":20)", 60},
    };
    for (const Row& row : rows) {
        http::Reply busy = dated(
            429, R"({"code":429,"status":"TooManyRequests","errorCode":1199,)" + row.body + "}");
        if (!row.header.empty()) busy.headers.emplace_back("retry-after", row.header);
        const Failed f = fails(playfab_account("secret"), std::move(busy));
        BOOST_TEST((f.failure == retry));
        BOOST_TEST(f.counts_for_origin);
        BOOST_TEST(f.retry_after.value_or(Millis{0}).count() == row.seconds * 1'000, row.body);
    }
    // PlayFab's own keys: not before a quarter of an hour, later if it says so.
    BOOST_TEST(fails(playfab_account("secret"), json_reply(400, error_body(400, 1376)))
                   .retry_after->count() == 900'000);
    http::Reply slow = dated(400, error_body(400, 1291));
    slow.headers.emplace_back("retry-after", "1800");
    BOOST_TEST(fails(playfab_account("secret"), std::move(slow)).retry_after->count() == 1'800'000);
    // Waiting mends no setup.
    http::Reply wrong = dated(400, error_body(400, 1004));
    wrong.headers.emplace_back("retry-after", "8");
    BOOST_TEST(!fails(playfab_account("secret"), std::move(wrong)).retry_after.has_value());
}

BOOST_AUTO_TEST_CASE(playfab_vector_11_what_is_not_json) {
    const Pairs html = {{"content-type", "text/html"}, {"retry-after", "7"}};
    for (const int status : {200, 204, 400, 401, 403, 404, 429, 502, 503, 504})
        for (const char* body : {"<html>gateway", "", "{", "{\"code\":200}x"}) {
            const Failed page = fails(playfab_account("entity"), reply(status, body, html));
            BOOST_TEST((page.failure == retry), status);
            BOOST_TEST(page.retry_after->count() == 7'000);
            BOOST_TEST(!has(page.reason, "gateway<"));
            const Failed broken = fails(playfab_account("entity"), json_reply(status, body));
            BOOST_TEST((broken.failure == retry), status << " " << body);
        }
    const Failed binary = fails(playfab_account("entity"),
                                reply(200, success_body(), {{"content-encoding", "gzip"}}));
    BOOST_TEST(binary.code == "not_json");
    // The way there, not PlayFab.
    const Failed proxy = fails(playfab_account("entity"), json_reply(407, error_body(407, 1336)));
    BOOST_TEST((proxy.failure == config));
    BOOST_TEST(proxy.code == "http_407");
    for (const int status : {301, 302, 307, 308}) {
        const Failed f =
            fails(playfab_account("entity"),
                  reply(status, "", {{"location", "https://evil.example/?k=et_test_1"}}));
        BOOST_TEST((f.failure == never));
        BOOST_TEST(has(f.reason, "evil.example"));
        BOOST_TEST(!has(f.reason, "et_test_1"));
    }
}

BOOST_AUTO_TEST_CASE(playfab_words_without_secrets) {
    const std::string echo =
        R"({"code":400,"errorCode":9999,"error":"et_test_1",)"
        R"("errorMessage":"X-EntityToken: et_test_1\u001b[31m, ZXRfdGVzdF8x"})";
    const Failed f = fails(playfab_account("entity"), json_reply(400, echo));
    for (const char* secret : {"et_test_1", "\x1b", "ZXRfdGVzdF8x"})
        BOOST_TEST(!has(f.reason, secret), f.reason);
    BOOST_TEST(has(f.reason, "[secret]"));
    const std::string longer =
        R"({"errorCode":1004,"errorMessage":")" + std::string(9'000, 'w') + "\"}";
    BOOST_TEST(fails(playfab_account("entity"), json_reply(400, longer)).reason.size() <=
               limits::error_text_bytes_max);
}

BOOST_AUTO_TEST_CASE(playfab_a_lost_answer_is_asked_for_again) {
    for (const FailureClass lost : {FailureClass::ambiguous, retry}) {
        http::Failure failure{lost, true, "it broke", "reset"};
        const Failed f = fails(playfab_account("entity"), std::move(failure));
        BOOST_TEST((f.failure == retry));
        BOOST_TEST(f.code == "reset");
        BOOST_TEST(f.counts_for_origin);
    }
    http::Failure tls{config, false, "not trusted", "tls_verify"};
    BOOST_TEST((fails(playfab_account("entity"), std::move(tls)).failure == config));
}
