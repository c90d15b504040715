// PlayFab through the whole daemon: an account without a grant of its own, a token that is the next
// grant, renewal at half life, and what reports and idleness cause.
#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "tests/unit/daemon/bench.hpp"

using namespace tb;
using namespace tb::test;
using boost::json::object;

namespace {

constexpr Millis hour{3'600'000};

struct Title : Bench {
    daemon::ClientConfig& title(const std::string& mode) {
        daemon::ClientConfig& made = client("title", "playfab");
        made.settings.base_url.clear();
        made.settings.settings["title_id"] = {"A1B2C", ""};
        made.settings.settings["mode"] = {mode, ""};
        made.secrets.clear();
        for (const std::string& secret : made.provider->client_secret_names(made.settings))
            made.secrets[secret] = {daemon::SecretSource::Kind::file, "/test", "test.toml:2"};
        https.answer = [this](const Sent&) {
            ++issued;
            // No expiration: it counts for an hour.
            return https.reply(
                200, fmt::format(R"({{"code":200,"data":{{"EntityToken":"et_test_{}","Entity":)"
                                 R"({{"Id":"E1","Type":"title"}}}}}})",
                                 issued));
        };
        return made;
    }
    proto::Reply add(const object& secrets) {
        return call(admin + "AddAccount",
                    {{"account", "title/main"},
                     {"secrets", secrets},
                     {"attributes", {{"entity_id", "E1"}, {"entity_type", "title"}}}});
    }
    object token() {
        const auto reply = call(tokens + "GetToken", {{"account", "title/main"}});
        BOOST_REQUIRE_MESSAGE(reply.error.empty(), reply.error);
        return reply.parameters.at("token").as_object();
    }
    std::string stored_grant() {
        const SecretSet& grant = disk.rows.at(find("title/main").id).grant;
        const Secret* kept = grant.find("entity_token");
        return kept == nullptr ? "" : std::string(kept->view());
    }
    int issued = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_title_needs_no_grant_but_its_secret_key, Title) {
    title("secret");
    begin();
    const auto added = add({});
    BOOST_REQUIRE_MESSAGE(added.error.empty(), added.error);
    BOOST_TEST(added.parameters.at("proved").as_bool());
    const object handed = token();
    BOOST_TEST(handed.at("header").at("name").as_string() == "X-EntityToken");
    BOOST_TEST(handed.at("header").at("value").as_string() == "et_test_1");
    BOOST_TEST(handed.at("attributes").at("title_id").as_string() == "A1B2C");
    BOOST_TEST(handed.at("attributes").at("entity_type").as_string() == "title");
    BOOST_TEST(stored_grant() == "");
    BOOST_REQUIRE(https.sent.size() == 1U);
    BOOST_TEST(https.sent[0].origin == "https://a1b2c.playfabapi.com");
    BOOST_TEST(https.sent[0].body == R"({"Entity":{"Id":"E1","Type":"title"}})");
}

BOOST_FIXTURE_TEST_CASE(an_entity_token_renews_itself_at_half_life, Title) {
    title("entity");
    begin();
    BOOST_TEST(add({{"entity_token", "et_test_0"}}).error == "");
    BOOST_TEST(stored_grant() == "et_test_1");
    pass(hour * 44 / 100);
    BOOST_TEST(https.sent.size() == 1U);
    pass(hour * 12 / 100);
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(stored_grant() == "et_test_2");
    BOOST_TEST(token().at("token").as_string() == "et_test_2");
}

BOOST_FIXTURE_TEST_CASE(an_idle_entity_token_is_kept_alive, Title) {
    title("entity").policy = providers::Policy::when_used;
    begin();
    BOOST_TEST(add({{"entity_token", "et_test_0"}}).error == "");
    pass(hour * 10);  // nobody reads; without its keep-alive the grant would be dead
    BOOST_TEST(https.sent.size() >= 10U);
    BOOST_TEST(https.sent.size() <= 16U);
    BOOST_TEST(stored_grant() == fmt::format("et_test_{}", issued));
}

BOOST_FIXTURE_TEST_CASE(reports_of_a_young_token_start_nothing, Title) {
    title("entity");
    begin();
    BOOST_TEST(add({{"entity_token", "et_test_0"}}).error == "");
    const auto report = [&](int generation) {
        const auto reply = call(tokens + "ReportRejected",
                                {{"account", "title/main"}, {"generation", generation}});
        return reply.error.empty() && reply.parameters.at("renewal_started").as_bool();
    };
    pass(Millis{55'000});
    BOOST_TEST(!report(1));
    pass(Millis{10'000});
    BOOST_TEST(report(1));
    pass(Millis{1'000});
    BOOST_TEST(!report(2));  // the new one is young again
    BOOST_TEST(https.sent.size() == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_dead_entity_token_needs_a_person, Title) {
    title("entity");
    begin();
    BOOST_TEST(add({{"entity_token", "et_test_0"}}).error == "");
    https.answer = [&](const Sent&) {
        return https.reply(200, R"({"code":401,"error":"EntityTokenRevoked","errorCode":1337})");
    };
    pass(hour);
    const auto reply = call(tokens + "GetToken", {{"account", "title/main"}});
    BOOST_TEST(reply.error == tokens + "LoginRequired");
    BOOST_TEST(std::string(reply.parameters.at("reason").as_string()).find("find out who") !=
               std::string::npos);
    BOOST_TEST(https.sent.size() == 2U);  // and nothing more on its own
}
