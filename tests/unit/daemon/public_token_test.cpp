// Threekit's public tokens as callers and operators meet them: bound to domains, in both forms,
// probed daily where asked for, replaced without a gap.
#include <boost/test/unit_test.hpp>

#include "tests/unit/daemon/bench.hpp"

using namespace tb;
using namespace tb::test;
using boost::json::object;

namespace {

const std::string old_id = "8f14e45f-ceea-467f-a8d2-1b2c3d4e5f60";
const std::string new_id = "00000000-0000-4000-8000-000000000000";

struct Configurator : Bench {
    Configurator() {
        daemon::ClientConfig& made = client("web", "threekit");
        made.settings.settings["kind"] = {"public", ""};
        made.settings.settings["domains"] = {
            std::vector<std::string>{"shop.example.com", "*.example.org"}, ""};
        made.settings.settings["origin"] = {"https://shop.example.com", ""};
        https.answer = [this](const Sent&) { return https.reply(status, "[]"); };
    }
    object addition(const std::string& id) {
        return {{"account", "web/main"}, {"secrets", {{"token", id}}}, {"replace", true}};
    }
    proto::Reply get(const std::string& origin = {}) {
        object parameters{{"account", "web/main"}};
        if (!origin.empty()) parameters["parameters"] = object{{"origin", origin}};
        return call(tokens + "GetToken", parameters);
    }
    std::string token_for(const std::string& origin = {}) {
        const auto reply = get(origin);
        if (!reply.error.empty()) return reply.error;
        return std::string(reply.parameters.at("token").at("token").as_string());
    }
    int status = 200;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_public_token_for_its_domains_in_both_forms, Configurator) {
    begin();
    BOOST_TEST(call(admin + "AddAccount", addition(old_id)).error == "");
    for (const char* origin :
         {"", "https://shop.example.com", "shop.example.com", "https://a.b.EXAMPLE.org:8443"}) {
        const auto reply = get(origin);
        BOOST_REQUIRE_MESSAGE(reply.error.empty(), origin << ": " << reply.error);
        const object& token = reply.parameters.at("token").as_object();
        BOOST_TEST(token.at("token").as_string() == old_id);
        BOOST_TEST(token.at("header").at("name").as_string() == "Authorization");
        BOOST_TEST(token.at("header").at("value").as_string() == "Bearer " + old_id);
        BOOST_TEST(token.at("query").at("name").as_string() == "bearer_token");
        BOOST_TEST(token.at("query").at("value").as_string() == old_id);
        BOOST_TEST(token.at("attributes").at("kind").as_string() == "public");
        BOOST_TEST(!token.contains("expires_at_ms"));
    }
    for (const char* origin : {"https://example.org", "https://evilexample.org",
                               "https://a.shop.example.com", "https://shop.example.com.evil.net",
                               "https://shop.example.com@evil.net", "*.example.org", "null"}) {
        const auto reply = get(origin);
        BOOST_TEST(reply.error == "org.varlink.service.InvalidParameter", origin);
        BOOST_TEST(reply.parameters.at("parameter").as_string().starts_with("parameters.origin"));
    }
    BOOST_TEST(https.sent.empty());  // nothing of it is the provider's business
}

BOOST_FIXTURE_TEST_CASE(a_public_token_is_replaced_without_a_gap, Configurator) {
    options.faults.commit_ms_max = 500;
    begin();
    BOOST_TEST(call(admin + "AddAccount", addition(old_id)).error == "");
    BOOST_TEST(token_for("https://a.example.org") == old_id);
    const auto wire = send(admin + "AddAccount", addition(new_id));
    std::optional<proto::Reply> replaced = taken(wire);
    int before = 0;
    for (; !replaced && before < 1'000; ++before) {  // the commit takes its time; readers don't
        BOOST_TEST(token_for("https://a.example.org") == old_id);
        pass(Millis{1});
        replaced = taken(wire);
    }
    BOOST_TEST(before > 1);
    BOOST_REQUIRE(replaced.has_value());
    BOOST_TEST(replaced->error == "");
    for (const char* origin : {"", "https://a.example.org"}) {
        BOOST_TEST(token_for(origin) == new_id);
        const auto reply = get(origin);
        BOOST_TEST(reply.parameters.at("token").at("query").at("value").as_string() == new_id);
        BOOST_TEST(reply.parameters.at("token").at("generation").as_int64() == 2);
    }
}

BOOST_FIXTURE_TEST_CASE(a_public_token_is_probed_daily_where_asked_for, Configurator) {
    config.clients.at("web").operator_probe_daily = true;
    begin();
    BOOST_TEST(call(admin + "AddAccount", addition(old_id)).error == "");
    pass(Millis{1'000});
    BOOST_REQUIRE(https.sent.size() == 1U);
    BOOST_TEST(https.sent[0].method == "GET");
    BOOST_TEST(https.sent[0].target.starts_with("/api/catalog/products?bearer_token=" + old_id));
    pass(Millis{3 * 86'400'000});
    BOOST_TEST(https.sent.size() == 4U);
    status = 403;
    pass(Millis{86'400'000});
    BOOST_TEST(find("web/main").rejected_by_probe);
    BOOST_TEST(token_for() == old_id);  // not strict: told, not withheld
    BOOST_TEST(call(admin + "AddAccount", addition(new_id)).error == "");
    BOOST_TEST(!find("web/main").rejected_by_probe);
}

BOOST_FIXTURE_TEST_CASE(a_public_token_is_not_probed_unasked, Configurator) {
    begin();
    BOOST_TEST(call(admin + "AddAccount", addition(old_id)).error == "");
    pass(Millis{3 * 86'400'000});
    BOOST_TEST(https.sent.empty());
}
