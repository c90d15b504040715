// Immersve through the broker: what a lost answer leads to (vectors 8 to 11), and what becomes of a
// refresh token that is probably spent.
#include <boost/test/unit_test.hpp>

#include "tests/unit/daemon/bench.hpp"

using namespace tb;
using namespace tb::test;
using boost::json::object;

namespace {

const std::string access_jwt =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAxMjAwfQ.c2ln";
const std::string refresh_jwt =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAyNTkyMDAwLCJqdGkiOiJyMiJ9.c2ln";

struct Cards : Bench {
    Cards() {
        auto& settings = client("cards", "immersve").settings;
        settings.settings["origin"] = {std::string("https://app.example.com"), "test.toml:3"};
        account("cards/main", "immersve");
    }
    std::string get(object parameters = {}) {
        parameters["account"] = "cards/main";
        const auto reply = call(tokens + "GetToken", std::move(parameters));
        if (!reply.error.empty()) return reply.error.substr(reply.error.rfind('.') + 1);
        return std::string(reply.parameters.at("token").at("token").as_string());
    }
    http::Outcome both() const {
        return https.reply(200, R"({"accessToken":")" + access_jwt + R"(","refreshToken":")" +
                                    refresh_jwt + "\"}");
    }
    http::Outcome forbidden() const {
        return https.reply(403, R"({"statusCode":403,"errorCode":"FORBIDDEN","reason":"no"})");
    }
    static http::Outcome lost(std::string code) {
        return http::Failure{FailureClass::ambiguous, true, "it broke", std::move(code)};
    }
    std::string grant() const {
        return std::string(disk.rows.begin()->second.grant.find("refresh_token")->view());
    }
    bool marked() const {
        return disk.rows.begin()->second.grant.find("probably_spent") != nullptr;
    }
    std::string state() { return std::string(daemon::state_name(find("cards/main"), clock.now())); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(immersve_vectors_2_and_8_a_lost_request_is_sent_once_more, Cards) {
    https.answer = [&](const Sent&) { return https.sent.size() == 1 ? lost("reset") : both(); };
    begin();
    BOOST_TEST(get() == access_jwt);
    BOOST_REQUIRE(https.sent.size() == 2U);
    BOOST_TEST(https.sent[0].body == https.sent[1].body);
    BOOST_TEST(https.sent[0].body.find("rt_test_0") != std::string::npos);
    BOOST_TEST(grant() == refresh_jwt);
    BOOST_TEST(!marked());
    const auto& record = disk.rows.begin()->second.record;
    BOOST_TEST((*record.grant_expires_at - record.grant_obtained_at).count() == 30LL * 86'400'000);
}

BOOST_AUTO_TEST_CASE(immersve_vectors_9_and_10_a_lost_answer_and_a_refusal) {
    for (const char* how : {"reset", "truncated"}) {
        Cards cards;
        cards.https.answer = [&](const Sent&) { return cards.both(); };
        cards.begin();
        BOOST_TEST(cards.get() == access_jwt);
        cards.https.sent.clear();
        cards.https.answer = [&](const Sent&) {
            return cards.https.sent.size() == 1 ? Cards::lost(how) : cards.forbidden();
        };
        cards.pass(Millis{910'000});  // past 0.75 of 20 minutes
        BOOST_TEST(cards.https.sent.size() == 2U);
        BOOST_TEST(cards.state() == "login_required");
        BOOST_TEST(cards.find("cards/main").reason.find("lost_rotation") != std::string::npos);
        BOOST_TEST(cards.get() == access_jwt);  // until it expires
        cards.pass(Millis{300'000});
        BOOST_TEST(cards.get() == "LoginRequired");
        BOOST_TEST(cards.https.sent.size() == 2U);
    }
}

BOOST_FIXTURE_TEST_CASE(immersve_a_refusal_without_a_lost_answer_is_looked_at_by_somebody, Cards) {
    https.answer = [&](const Sent&) { return forbidden(); };
    begin();
    BOOST_TEST(get() == "Misconfigured");
    BOOST_TEST(grant() == "rt_test_0");
    pass(Millis{1'800'000});
    BOOST_TEST(https.sent.size() == 1U);
    https.answer = [&](const Sent&) { return both(); };
    pass(Millis{1'860'000});  // the slow probe
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(get() == access_jwt);
}

BOOST_FIXTURE_TEST_CASE(immersve_vector_11_a_wait_is_kept_and_the_grant_too, Cards) {
    https.answer = [&](const Sent&) {
        http::Outcome busy = https.reply(429, "{}");
        std::get<http::Reply>(busy).headers.emplace_back("retry-after", "7");
        return https.sent.size() == 1 ? std::move(busy) : both();
    };
    begin();
    pass(Millis{60'000});
    BOOST_REQUIRE(https.sent.size() == 2U);
    BOOST_TEST((https.sent[1].at - https.sent[0].at).count() >= 7'000);
    BOOST_TEST(https.sent[1].body == https.sent[0].body);
}

BOOST_FIXTURE_TEST_CASE(immersve_a_server_error_is_an_unknown_outcome, Cards) {
    https.answer = [&](const Sent&) {
        return https.sent.size() == 1 ? https.reply(500, "{}") : forbidden();
    };
    begin();
    pass(Millis{30'000});
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(state() == "login_required");
}

BOOST_FIXTURE_TEST_CASE(immersve_vector_3_a_probably_spent_token_is_kept_marked_and_told_of,
                        Cards) {
    https.answer = [&](const Sent&) {
        return https.sent.size() == 1 ? https.reply(200, R"({"accessToken":")" + access_jwt + "\"}")
                                      : forbidden();
    };
    begin();
    BOOST_TEST(get() == access_jwt);
    BOOST_TEST(grant() == "rt_test_0");
    BOOST_TEST(marked());
    bool warned = false;
    for (const auto& [level, line] : log.lines())
        warned = warned || line.find("probably spent") != std::string::npos;
    BOOST_TEST(warned);
    pass(Millis{910'000});
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(https.sent[1].body == https.sent[0].body);
    BOOST_TEST(state() == "login_required");
    BOOST_TEST(find("cards/main").reason.find("brought no new refresh token") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(immersve_an_unknown_outcome_survives_a_gateways_refusal, Cards) {
    https.answer = [&](const Sent&) {
        if (https.sent.size() == 1) return Cards::lost("reset");
        return https.sent.size() == 2 ? https.reply(403, R"({"message":"Forbidden"})")
                                      : forbidden();
    };
    begin();
    pass(Millis{60'000});
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(state() == "misconfigured");
    pass(Millis{3'700'000});
    BOOST_TEST(https.sent.size() == 3U);
    BOOST_TEST(state() == "login_required");
}
