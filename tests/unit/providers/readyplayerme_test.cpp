// One token from Ready Player Me: requests byte by byte, the age of tokens, the second try, the
// key. Vectors 1 to 4, 11 and 12.
#include "base/limits.hpp"
#include "tests/unit/providers/readyplayerme_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr auto retry = FailureClass::retry;
constexpr auto config = FailureClass::config;

http::Failure lost(std::string code, FailureClass failure = retry) {
    return {failure, true, "https://x: it broke near key-1", std::move(code)};
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rpm_vector_1_the_documented_request) {
    Account a = rpm_account();
    const http::Request r = sent(a.begin(readyplayerme())->start());
    BOOST_TEST(r.method == "GET");
    BOOST_TEST(r.origin == "https://api.readyplayer.me");
    BOOST_TEST(r.target.view() ==
               "/v1/auth/token?userId=64943d471dc01e086ac887ee&partner=readyplayermedemo");
    BOOST_TEST(header(r, "x-api-key") == "key-1");
    BOOST_TEST(header(r, "Accept") == "application/json");
    BOOST_TEST(header(r, "Accept-Encoding") == "identity");
    BOOST_TEST(r.headers.size() == 3U);
    BOOST_TEST(r.body.empty());
    BOOST_TEST(!r.spends_grant);
    BOOST_TEST(r.timeout.count() == 5'000);
}

BOOST_AUTO_TEST_CASE(rpm_vector_2_values_are_percent_encoded) {
    Account a = rpm_account();
    a.client.settings["partner"] = {std::string("acme&co/\xC3\xBC x"), "test.toml:7"};
    a.client.base_url = "https://Avatars.Example.com:8443/rpm/";
    a.parameters.clear();
    a.parameters.emplace_back("user_id", "a?b=c&partner=evil#");
    const http::Request r = sent(a.begin(readyplayerme())->start());
    BOOST_TEST(r.origin == "https://avatars.example.com:8443");
    BOOST_TEST(r.target.view() ==
               "/rpm/v1/auth/token?userId=a%3Fb%3Dc%26partner%3Devil%23"
               "&partner=acme%26co%2F%C3%BC%20x");
}

BOOST_AUTO_TEST_CASE(rpm_vector_3_fifteen_seconds_whatever_the_clock_says) {
    Account a = rpm_account();
    a.clock.wall_time += Millis{2 * 3'600'000};
    auto late = json_reply(200, rpm_body(rpm_token));
    late.received_wall = a.clock.wall_time;
    const auto m = done<Minted>(rpm_answered(a, std::move(late)));
    BOOST_TEST(m.access_token.view() == rpm_token);
    BOOST_TEST(m.lifetime->count() == 15'000);
    BOOST_TEST((m.sent_at == a.clock.boot));
    BOOST_TEST(m.query_name == "token");
    BOOST_TEST(!m.new_grant.has_value());
    BOOST_TEST(m.warnings.empty());
    (void)rpm_minted(rpm_body(rpm_token), 201);
}

BOOST_AUTO_TEST_CASE(rpm_vector_4_too_old_is_minted_again_once) {
    Account a = rpm_account();
    a.client.settings["deadline"] = {std::string("20s"), "test.toml:8"};
    auto exchange = a.begin(readyplayerme());
    BOOST_TEST(sent(exchange->start()).timeout.count() == 20'000);
    const auto dripped = [&] {  // over 6 s: 9 s are left
        const BootTime sent_at = a.clock.boot;
        a.clock.boot += Millis{6'000};
        return rpm_at(json_reply(200, rpm_body(rpm_token)), sent_at);
    };
    BOOST_TEST(sent(exchange->resume(dripped())).timeout.count() == 14'000);
    const auto f = done<Failed>(exchange->resume(dripped()));
    BOOST_TEST(f.code == "token_too_old");
    BOOST_TEST((f.failure == retry));
    BOOST_TEST(!f.counts_for_origin);
    BOOST_TEST(has(f.reason, "9000 ms of its 15000 ms"), f.reason);

    // The second one comes in time.
    exchange = a.begin(readyplayerme());
    (void)sent(exchange->start());
    (void)sent(exchange->resume(dripped()));
    (void)done<Minted>(exchange->resume(
        rpm_at(json_reply(200, rpm_body(rpm_token)), a.clock.boot - Millis{5'000})));

    // With the usual 5 s there is no time for another, and the transport ends it before.
    Account usual = rpm_account();
    exchange = usual.begin(readyplayerme());
    (void)sent(exchange->start());
    const BootTime sent_at = usual.clock.boot;
    usual.clock.boot += Millis{5'000};
    BOOST_TEST(done<Failed>(exchange->resume(lost("timeout"))).code == "timeout");
    exchange = usual.begin(readyplayerme());
    (void)sent(exchange->start());
    usual.clock.boot += Millis{5'000};
    BOOST_TEST(done<Failed>(exchange->resume(rpm_at(json_reply(200, rpm_body(rpm_token)), sent_at)))
                   .code == "token_too_old");
}

BOOST_AUTO_TEST_CASE(rpm_min_remaining_is_kept_to_the_millisecond) {
    struct Row {
        const char* min_remaining;  // nullptr: the default
        std::int64_t age_ms;
        bool minted;
    };
    for (const Row& row : std::vector<Row>{{nullptr, 5'000, true},
                                           {nullptr, 5'001, false},
                                           {"14s", 1'000, true},
                                           {"14s", 1'001, false},
                                           {"1s", 14'000, true},
                                           {"1s", 14'001, false}}) {
        BOOST_TEST_CONTEXT(row.age_ms) {
            Account a = rpm_account();
            if (row.min_remaining != nullptr)
                a.client.settings["min_remaining"] = {std::string(row.min_remaining),
                                                      "test.toml:8"};
            auto exchange = a.begin(readyplayerme());
            (void)sent(exchange->start());
            const Step step = exchange->resume(
                rpm_at(json_reply(200, rpm_body(rpm_token)), a.clock.boot - Millis{row.age_ms}));
            BOOST_TEST(std::holds_alternative<Done>(step) == row.minted);
        }
    }
}

BOOST_AUTO_TEST_CASE(rpm_vector_11_and_the_second_try) {
    Account a = rpm_account();
    const auto busy = [](int status, std::string after) {
        Pairs headers;
        if (!after.empty()) headers.emplace_back("retry-after", std::move(after));
        return reply(status, "", headers);
    };
    const auto f = done<Failed>(rpm_answered(a, busy(503, "30")));
    BOOST_TEST(f.code == "http_503");
    BOOST_TEST(f.retry_after->count() == 30'000);
    BOOST_TEST(has(f.reason, "wait for 30 s"));
    BOOST_TEST(f.counts_for_origin);
    // Asked to wait, if only for a second, or refused for too many: an exchange can't wait.
    BOOST_TEST(done<Failed>(rpm_answered(a, busy(503, "1"))).retry_after->count() == 1'000);
    BOOST_TEST(done<Failed>(rpm_answered(a, busy(429, ""))).code == "http_429");
    BOOST_TEST(done<Failed>(rpm_answered(a, lost("shutdown"))).code == "shutdown");
    BOOST_TEST(done<Failed>(rpm_answered(a, lost("tls_verify", config))).code == "tls_verify");
    BOOST_TEST(!has(done<Failed>(rpm_answered(a, lost("tls_verify", config))).reason, "key-1"));

    for (const int status : {408, 500, 502, 503, 504}) {  // once more, at once
        auto exchange = a.begin(readyplayerme());
        const http::Request first = sent(exchange->start());
        a.clock.boot += Millis{2'000};
        const http::Request second = sent(exchange->resume(busy(status, "")));
        BOOST_TEST(second.target.view() == first.target.view());
        BOOST_TEST(header(second, "x-api-key") == "key-1");
        BOOST_TEST(second.timeout.count() == 3'000);  // of the 5 s for both
        BOOST_TEST(done<Failed>(exchange->resume(busy(status, ""))).code ==
                   "http_" + std::to_string(status));
    }
    auto exchange = a.begin(readyplayerme());
    (void)sent(exchange->start());
    (void)sent(exchange->resume(lost("reset", FailureClass::ambiguous)));
    (void)done<Minted>(
        exchange->resume(rpm_at(json_reply(200, rpm_body(rpm_token)), a.clock.boot)));
    // Two tries in all: one that failed leaves none for a token that is too old.
    exchange = a.begin(readyplayerme());
    (void)sent(exchange->start());
    (void)sent(exchange->resume(lost("connect")));
    BOOST_TEST(done<Failed>(exchange->resume(rpm_at(json_reply(200, rpm_body(rpm_token)),
                                                    a.clock.boot - Millis{6'000})))
                   .code == "token_too_old");
    exchange = a.begin(readyplayerme());
    (void)sent(exchange->start());
    a.clock.boot += Millis{5'000};  // no time is left
    BOOST_TEST(done<Failed>(exchange->resume(busy(500, ""))).code == "http_500");
}

BOOST_AUTO_TEST_CASE(rpm_vector_12_nothing_is_sent_with_an_unusable_key) {
    for (const std::string& key :
         {std::string("a\r\nX-Y: z"), std::string("a\tb"), std::string("a\0b", 3),
          std::string("k\xC2\xA0"), std::string(limits::token_bytes_max + 1, 'k')}) {
        Account a = rpm_account();
        a.client_secrets = secrets({{"api_key", key}});
        const auto f = done<Failed>(a.begin(readyplayerme())->start());
        BOOST_TEST((f.failure == config));
        BOOST_TEST(f.code == "unusable_api_key");
        BOOST_TEST(has(f.reason, "the api_key of client avatars"));
        BOOST_TEST(!has(f.reason, "X-Y"));
    }
    Account a = rpm_account();
    a.client_secrets = {};
    const auto none = done<Failed>(a.begin(readyplayerme())->start());
    BOOST_TEST(none.code == "no_api_key");
    BOOST_TEST((none.failure == config));
    a = rpm_account();
    a.parameters.clear();  // `tokenbroker renew`
    const auto nobody = done<Failed>(a.begin(readyplayerme())->start());
    BOOST_TEST(nobody.code == "no_user_id");
    BOOST_TEST((nobody.scope == Failed::Scope::parameters));
    for (const Purpose purpose : {Purpose::probe, Purpose::revoke})
        BOOST_TEST(done<Failed>(rpm_account().begin(readyplayerme(), purpose)->start()).code ==
                   "unsupported");
}
