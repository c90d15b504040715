// The step machine carries every kind of provider: on demand, fallback chain, rotation, static.
#include <set>

#include "tests/unit/providers/support.hpp"
#include "tests/unit/providers/test_providers.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

const std::string jwt_15_s =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwMDE1fQ.c2ln";
const std::string jwt_20_min =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAxMjAwfQ.c2ln";
const std::string jwt_30_d =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAyNTkyMDAwLCJqdGkiOiJyMiJ9.c2ln";

Account account() {
    Account a;
    a.client.name = "title";
    a.client.base_url = "https://api.example.com";
    a.client.client_id = "29097f50d221858223a17633e36716f9";
    return a;
}
Account minted_account() {
    Account a = account();
    a.client.client_id = "readyplayermedemo";
    a.client_secrets = secrets({{"api_key", "key-1"}});
    a.parameters.emplace_back("user_id", "64943d471dc01e086ac887ee");
    return a;
}
std::string data_token(const std::string& token) {
    return R"({"data":{"token":")" + token + "\"}}";
}
http::Reply at(http::Reply r, BootTime sent_at) {
    r.sent_at = sent_at;
    return r;
}

}  // namespace

BOOST_AUTO_TEST_CASE(minted_on_demand_with_parameters) {
    Account a = minted_account();
    auto exchange = a.begin(minted_provider());
    const http::Request r = sent(exchange->start());
    BOOST_TEST(r.target.view() ==
               "/v1/auth/token?userId=64943d471dc01e086ac887ee&partner=readyplayermedemo");
    BOOST_TEST(header(r, "x-api-key") == "key-1");
    const auto m =
        done<Minted>(exchange->resume(at(json_reply(200, data_token(jwt_15_s)), a.clock.boot)));
    BOOST_TEST(m.lifetime->count() == 15'000);
    Parameters none;
    BOOST_TEST(!minted_provider().check_parameters(a.client, {}, none).has_value());
    BOOST_TEST(minted_provider().check_parameters(a.client, {}, a.parameters).has_value());
}

BOOST_AUTO_TEST_CASE(minted_again_once_when_too_old) {
    Account a = minted_account();
    auto exchange = a.begin(minted_provider());
    (void)sent(exchange->start());
    const BootTime first = a.clock.boot;
    a.clock.boot += Millis{4'000};
    // Sent long before the first byte came: 9 s left.
    const http::Request again =
        sent(exchange->resume(at(json_reply(200, data_token(jwt_15_s)), first - Millis{2'000})));
    BOOST_TEST(again.timeout.count() == 1'000);  // of the 5 s for both
    const auto f = done<Failed>(
        exchange->resume(at(json_reply(200, data_token(jwt_15_s)), first - Millis{2'000})));
    BOOST_TEST(f.code == "token_too_old");

    exchange = a.begin(minted_provider());
    (void)sent(exchange->start());
    (void)sent(
        exchange->resume(at(json_reply(200, data_token(jwt_15_s)), a.clock.boot - Millis{6'000})));
    const auto m =
        done<Minted>(exchange->resume(at(json_reply(200, data_token("not.a.jwt")), a.clock.boot)));
    BOOST_TEST(m.lifetime->count() == 15'000);
}

BOOST_AUTO_TEST_CASE(one_user_fails_alone) {
    const auto fails = [](int status) {
        Account a = minted_account();
        auto exchange = a.begin(minted_provider());
        (void)sent(exchange->start());
        return done<Failed>(exchange->resume(json_reply(status, R"({"message":"x"})")));
    };
    BOOST_TEST((fails(403).failure == FailureClass::reauth));
    BOOST_TEST((fails(403).scope == Failed::Scope::parameters));
    BOOST_TEST((fails(404).scope == Failed::Scope::parameters));
    BOOST_TEST((fails(401).failure == FailureClass::config));
    BOOST_TEST((fails(401).scope == Failed::Scope::account));
}

BOOST_AUTO_TEST_CASE(a_fallback_chain_of_several_sends) {
    Account a = account();
    a.grant = secrets({{"entity_token", "et_test_1"},
                       {"secret_key", "sk_test_1"},
                       {"session_ticket", "st_test_1"}});
    auto exchange = a.begin(entity_provider());
    http::Request r = sent(exchange->start());
    BOOST_TEST(header(r, "X-EntityToken") == "et_test_1");
    BOOST_TEST(header(r, "X-SecretKey") == "");
    r = sent(exchange->resume(json_reply(200, R"({"code":401,"errorCode":1336})")));
    BOOST_TEST(header(r, "X-EntityToken") == "");
    BOOST_TEST(header(r, "X-SecretKey") == "sk_test_1");
    r = sent(exchange->resume(json_reply(401, R"({"code":401,"errorCode":1074})")));
    BOOST_TEST(header(r, "X-Authorization") == "st_test_1");
    auto ok = json_reply(
        200,
        R"({"code":200,"data":{"EntityToken":"et_test_2","TokenExpiration":"2022-01-26T07:24:12Z",)"
        R"("Entity":{"Id":"E1","Type":"title"}}})");
    ok.headers.emplace_back("date", "Tue, 25 Jan 2022 07:24:12 GMT");
    const auto m = done<Minted>(exchange->resume(std::move(ok)));
    BOOST_TEST(m.header_name == "X-EntityToken");
    BOOST_TEST(m.lifetime->count() == 86'400'000);  // 4.4
    BOOST_TEST(m.new_grant->find("entity_token")->view() == "et_test_2");
    BOOST_TEST(m.new_grant->find("secret_key")->view() == "sk_test_1");

    a.grant = secrets({{"entity_token", "et_test_1"}});
    exchange = a.begin(entity_provider());
    (void)sent(exchange->start());
    BOOST_TEST((done<Failed>(exchange->resume(json_reply(401, R"({"errorCode":1336})"))).failure ==
                FailureClass::reauth));
    exchange = a.begin(entity_provider());
    (void)sent(exchange->start());
    auto busy = json_reply(429, R"({"errorCode":1199,"retryAfterSeconds":20})");
    busy.headers.emplace_back("retry-after", "8");
    BOOST_TEST(done<Failed>(exchange->resume(std::move(busy))).retry_after->count() == 20'000);
}

BOOST_AUTO_TEST_CASE(a_rotating_grant_in_a_json_body) {
    Account a = account();
    a.grant = secrets({{"refresh_token", "R1"}});
    BOOST_TEST(rotating_provider().traits(a.client).single_use_grant);
    auto exchange = a.begin(rotating_provider());
    const http::Request r = sent(exchange->start());
    BOOST_TEST(r.body.view() ==
               R"({"refreshToken":"R1","clientApplicationId":"29097f50d221858223a17633e36716f9"})");
    BOOST_TEST(r.spends_grant);
    BOOST_TEST(header(r, "Origin") == "https://app.example.com");
    const auto m = done<Minted>(exchange->resume(json_reply(
        200, R"({"accessToken":")" + jwt_20_min + R"(","refreshToken":")" + jwt_30_d + "\"}")));
    BOOST_TEST(m.lifetime->count() == 1'200'000);
    BOOST_TEST(m.grant_lifetime->count() == 30LL * 86'400'000);
    BOOST_TEST(m.new_grant->find("refresh_token")->view() == jwt_30_d);

    for (const bool unknown : {false, true}) {  // a replay reads the same refusal differently
        a.outcome_unknown = unknown;
        exchange = a.begin(rotating_provider());
        (void)sent(exchange->start());
        const auto f =
            done<Failed>(exchange->resume(json_reply(403, R"({"errorCode":"FORBIDDEN"})")));
        BOOST_TEST((f.failure == (unknown ? FailureClass::reauth : FailureClass::config)));
    }
}

BOOST_AUTO_TEST_CASE(a_static_key_with_a_probe) {
    Account a = account();
    a.grant = secrets({{"key", "k_test_1"}});
    const auto m = done<Minted>(a.begin(static_provider())->start());
    BOOST_TEST(m.header_name == "X-Key");
    BOOST_TEST(!m.lifetime.has_value());
    auto exchange = a.begin(static_provider(), Purpose::probe);
    BOOST_TEST(header(sent(exchange->start()), "X-Key") == "k_test_1");
    (void)done<Probed>(exchange->resume(json_reply(200, "{}")));
}

BOOST_AUTO_TEST_CASE(the_registry_knows_all_of_them) {
    register_test_providers();
    register_test_providers();
    for (const char* name :
         {"webroot", "threekit", "immersve", "readyplayerme", "playfab", "oauth2", "test-minted",
          "test-entity", "test-rotating", "test-static"}) {
        BOOST_REQUIRE(find_provider(name) != nullptr);
        BOOST_TEST(find_provider(name)->name() == name);
    }
    BOOST_TEST(find_provider("webrot") == nullptr);
    const auto names = provider_names();
    BOOST_TEST(std::set(names.begin(), names.end()).size() == names.size());
    BOOST_TEST(to_string(Policy::when_used) == "when_used");
    ClientSettings client;
    client.provider = "test-static";
    client.place = "test.toml:1";
    BOOST_TEST(all_mistakes(static_provider().check(client)).find("base_url is missing") !=
               std::string::npos);
}
