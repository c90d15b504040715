// Tokens that are minted for one user: identical requests share one exchange, others don't wait for
// each other, nothing with less than min_remaining is handed out, and one user's trouble is nobody
// else's. With the real readyplayerme provider, through the socket.
#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "tests/unit/daemon/bench.hpp"

using namespace tb;
using namespace tb::test;
using boost::json::object;

namespace {

const std::string token =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwMDE1fQ.";

struct Avatars : Bench {
    Avatars() {
        auto& settings = client("avatars", "readyplayerme").settings;
        settings.settings["partner"] = {std::string("demo"), "test.toml:3"};
        account("avatars/app", "readyplayerme");
        https.answer = [this](const Sent& sent) { return minted(sent); };
    }
    // Each of its own, so that it shows who got which.
    http::Outcome minted(const Sent&) {
        return https.reply(200, fmt::format(R"({{"data":{{"token":"{}{}"}}}})", token, ++issued));
    }
    static object of(std::string_view user, object more = {}) {
        more["account"] = "avatars/app";
        more["parameters"] = {{"user_id", user}};
        return more;
    }
    std::string get(std::string_view user, object more = {}) {
        const auto reply = call(tokens + "GetToken", of(user, std::move(more)));
        if (!reply.error.empty()) return reply.error.substr(reply.error.rfind('.') + 1);
        const auto& got = reply.parameters.at("token");
        left_ms = got.at("remaining_ms").as_int64();
        return std::string(got.at("token").as_string()).substr(token.size());
    }
    int issued = 0;
    std::int64_t left_ms = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(identical_requests_share_one_exchange_and_others_do_not, Avatars) {
    https.latency = Millis{1'000};
    begin();
    std::vector<std::shared_ptr<sim::Wire>> wires;
    for (int i = 0; i < 50; ++i)
        wires.push_back(send(tokens + "GetToken", of(i % 2 == 0 ? "u0" : "u1"), 1000));
    pass(Millis{1'500});
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(https.in_flight_most == 2);  // side by side
    for (std::size_t i = 0; i < wires.size(); ++i) {
        const auto reply = taken(wires[i]);
        BOOST_REQUIRE(reply.has_value());
        BOOST_REQUIRE(reply->error == "");
        const std::string got(reply->parameters.at("token").at("token").as_string());
        BOOST_TEST(got == token + (i % 2 == 0 ? "1" : "2"));
        BOOST_TEST(std::string(reply->parameters.at("token").at("query").at("name").as_string()) ==
                   "token");
    }
    BOOST_TEST(https.sent.front().target == "/v1/auth/token?userId=u0&partner=demo");
}

BOOST_FIXTURE_TEST_CASE(nothing_with_less_than_min_remaining_is_handed_out, Avatars) {
    begin();
    for (int i = 0; i < 40; ++i) {
        BOOST_TEST(get("u0") != "");
        BOOST_TEST(left_ms >= 10'000);
        BOOST_TEST(left_ms <= 15'000);
        pass(Millis{700});
    }
    BOOST_TEST(https.sent.size() > 4U);   // 28 s
    BOOST_TEST(https.sent.size() < 10U);  // and not one for each reader
    BOOST_TEST(get("u0", {{"min_remaining_ms", 15'001}}) == "LifetimeTooShort");
    BOOST_TEST(get("u0", {{"min_remaining_ms", 14'000}}) != "");
    BOOST_TEST(left_ms >= 14'000);
}

BOOST_FIXTURE_TEST_CASE(a_token_that_comes_too_late_is_minted_once_more, Avatars) {
    config.clients["avatars"].settings.settings["deadline"] = {std::string("20s"), "test.toml:4"};
    https.latency = Millis{6'000};
    begin();
    BOOST_TEST(get("u0", {{"timeout_ms", 60'000}}) == "ProviderUnavailable");
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(find("avatars/app").stats.last_failure->code == "token_too_old");
    https.latency = Millis{100};
    pass(Millis{60'000});
    BOOST_TEST(get("u0") == "3");
}

BOOST_FIXTURE_TEST_CASE(one_users_trouble_is_nobody_elses, Avatars) {
    int status = 403;
    https.answer = [&](const Sent& sent) {
        const bool u0 = sent.target.find("userId=u0&") != std::string::npos;
        return u0 ? https.reply(status, R"({"message":"no"})") : minted(sent);
    };
    begin();
    BOOST_TEST(get("u0") == "LoginRequired");
    BOOST_TEST(get("u1") == "1");
    for (const int next : {404, 400, 200}) {  // 200: an answer without a token
        status = next;
        pass(Millis{400'000});  // beyond any backoff
        BOOST_TEST(get("u0") == "Misconfigured");
        const std::string served = get("u1");
        BOOST_TEST(served == std::to_string(issued));
    }
    status = 401;  // the key of all
    pass(Millis{400'000});
    BOOST_TEST(get("u0") == "Misconfigured");
    BOOST_TEST(get("u1") == "Misconfigured");
}

// Its number is forgotten when that token is replaced, not when another user's is.
BOOST_FIXTURE_TEST_CASE(a_refused_token_is_not_given_again_for_another_users_sake, Avatars) {
    bool away = false;
    https.answer = [&](const Sent& sent) {
        const bool u0 = sent.target.find("userId=u0&") != std::string::npos;
        return u0 && away ? https.reply(500, "{}") : minted(sent);
    };
    begin();
    const auto of_u0 = [&] { return call(tokens + "GetToken", of("u0"), 1000); };
    BOOST_TEST(of_u0().error == "");
    pass(Millis{1'500});
    away = true;
    const object user{{"user_id", "u0"}};
    const auto reported =
        call(tokens + "ReportRejected",
             {{"account", "avatars/app"}, {"generation", 1}, {"parameters", user}}, 1000);
    BOOST_TEST(reported.parameters.at("renewal_started").as_bool());
    pass(Millis{500});
    BOOST_TEST(get("u1") == "2");
    BOOST_TEST(get("u0") == "1");  // others keep it
    BOOST_TEST(of_u0().error == tokens + "ProviderUnavailable");
    away = false;
    pass(Millis{3'000});
    BOOST_TEST(of_u0().parameters.at("token").at("generation").as_int64() == 3);
}

BOOST_FIXTURE_TEST_CASE(a_wait_that_was_asked_for_is_reported_at_once, Avatars) {
    https.answer = [&](const Sent&) {
        http::Outcome busy = https.reply(503, "{}");
        std::get<http::Reply>(busy).headers.emplace_back("retry-after", "30");
        return busy;
    };
    begin();
    const BootTime before = clock.now();
    const auto reply = call(tokens + "GetToken", of("u0"));
    BOOST_TEST(reply.error == tokens + "ProviderUnavailable");
    BOOST_TEST(reply.parameters.at("retry_after_ms").as_int64() > 29'000);
    BOOST_TEST(reply.parameters.at("retry_after_ms").as_int64() <= 30'000);
    BOOST_TEST((clock.now() - before).count() < 1'000);
    BOOST_TEST(https.sent.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_renewal_without_a_user_harms_nobody, Avatars) {
    begin();
    BOOST_TEST(call(admin + "RenewAccount", {{"account", "avatars/app"}}).error ==
               admin + "RenewalFailed");
    BOOST_TEST(https.sent.empty());
    BOOST_TEST(get("u0") == "1");
    const auto nobody = call(tokens + "GetToken", {{"account", "avatars/app"}});
    BOOST_TEST(nobody.error == "org.varlink.service.InvalidParameter");
}

BOOST_FIXTURE_TEST_CASE(an_account_without_a_grant_can_be_enrolled, Avatars) {
    begin();
    const auto added =
        call(admin + "AddAccount", {{"account", "avatars/two"}, {"secrets", object{}}});
    BOOST_TEST(added.error == "");
    BOOST_TEST(!added.parameters.at("proved").as_bool());  // only a user can prove it
    BOOST_TEST(https.sent.empty());
    const object secrets{{"api_key", "sk_test_1"}};
    const auto refused =
        call(admin + "AddAccount", {{"account", "avatars/three"}, {"secrets", secrets}});
    BOOST_TEST(refused.error == admin + "Refused");
    const auto got = call(tokens + "GetToken",
                          {{"account", "avatars/two"}, {"parameters", {{"user_id", "u0"}}}});
    BOOST_TEST(got.error == "");
}

BOOST_FIXTURE_TEST_CASE(a_corrected_key_serves_everybody_at_once, Avatars) {
    bool good = false;
    https.answer = [&](const Sent& sent) {
        return good ? minted(sent) : https.reply(401, R"({"message":"Invalid API key"})");
    };
    begin();
    BOOST_TEST(get("u0") == "Misconfigured");
    good = true;
    (void)call(admin + "RenewAccount", {{"account", "avatars/app"}});
    BOOST_TEST(get("u1") == "1");
    BOOST_TEST(get("u0") == "2");
}
