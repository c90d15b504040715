// The broker through its sockets: what readers and operators meet when exchanges fail in each way.
#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "tests/unit/daemon/webroot_shop.hpp"

using namespace tb;
using namespace tb::test;
using boost::json::object;

namespace {

// A provider whose exchange has no end.
class Endless final : public providers::Provider {
  public:
    std::string_view name() const override { return "test-endless"; }
    std::vector<providers::Mistake> check(const providers::ClientSettings&) const override {
        return {};
    }
    providers::Traits traits(const providers::ClientSettings&) const override { return {}; }
    std::vector<std::string> grant_fields(const providers::ClientSettings&) const override {
        return {"x"};
    }
    std::vector<std::string> attribute_names(const providers::ClientSettings&) const override {
        return {};
    }
    Result<providers::Imported> import_grant(
        const providers::ClientSettings&, const std::vector<std::pair<std::string, std::string>>&,
        SecretSet) const override {
        return providers::Imported{};
    }
    std::unique_ptr<providers::Exchange> begin(providers::Context) const override {
        struct Forever final : providers::Exchange {
            static providers::Step again() {
                providers::Send send;
                send.request.method = "GET";
                send.request.origin = "https://endless.test";
                send.request.target = Secret("/");
                return send;
            }
            providers::Step start() override { return again(); }
            providers::Step resume(http::Outcome) override { return again(); }
        };
        return std::make_unique<Forever>();
    }
    std::string origin(const providers::ClientSettings&) const override {
        return "https://endless.test";
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(readers_share_one_renewal, WebrootShop) {
    begin();
    std::vector<std::shared_ptr<sim::Wire>> wires;
    for (int i = 0; i < 50; ++i)
        wires.push_back(send(tokens + "GetToken", {{"account", "shop/main"}}));
    pass(Millis{100});
    for (const auto& wire : wires) {
        const auto reply = taken(wire);
        BOOST_REQUIRE(reply.has_value());
        BOOST_TEST(reply->error == "");
    }
    BOOST_TEST(https.sent.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_lost_answer_is_replayed_at_once_and_heals, WebrootShop) {
    https.answer = [&](const Sent&) { return https.sent.size() == 1 ? lost() : https.success(); };
    begin();
    BOOST_TEST(get() == "at_test_1");
    BOOST_REQUIRE(https.sent.size() == 2U);
    BOOST_TEST(https.sent[0].body == https.sent[1].body);  // the same grant
    BOOST_TEST((https.sent[1].at - https.sent[0].at).count() < 1'000);
}

BOOST_FIXTURE_TEST_CASE(a_lost_answer_and_a_refusal_are_a_lost_rotation, WebrootShop) {
    https.answer = [&](const Sent&) { return https.sent.size() == 1 ? lost() : refused(); };
    begin();
    BOOST_TEST(get() == "LoginRequired");
    BOOST_TEST(find("shop/main").reason.find("lost_rotation") != std::string::npos);
    pass(Millis{86'400'000});
    BOOST_TEST(https.sent.size() == 2U);  // never again by itself
    BOOST_TEST(disk.rows.begin()->second.retired.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(an_outcome_stays_unknown_until_an_answer_comes, WebrootShop) {
    https.answer = [&](const Sent&) {
        if (https.sent.size() == 1) return lost();
        return https.sent.size() < 6 ? https.reply(503, "{}") : https.success();
    };
    begin();
    pass(Millis{500});
    BOOST_TEST(std::string(daemon::state_name(find("shop/main"), clock.now())) ==
               "outcome_unknown");
    pass(Millis{1'000'000});
    BOOST_TEST(std::string(daemon::state_name(find("shop/main"), clock.now())) !=
               "outcome_unknown");
}

BOOST_FIXTURE_TEST_CASE(an_open_intent_after_a_crash_is_replayed, WebrootShop) {
    auto& record = disk.rows.begin()->second.record;
    record.intent = storage::IntentRecord{"", clock.wall(), 1};
    https.answer = [&](const Sent&) { return refused(); };
    begin();
    BOOST_TEST(get() == "LoginRequired");
    BOOST_TEST(find("shop/main").reason.find("lost_rotation") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_successor_without_a_usable_token_is_kept, WebrootShop) {
    https.answer = [&](const Sent&) {
        return https.reply(200,
                           R"({"access_token":"at","token_type":"mac","expires_in":299,)"
                           R"("refresh_token":"rt_test_kept","scope":"[\"ECom.WebrootShop\"]"})");
    };
    begin();
    pass(Millis{1'000});
    const auto& row = disk.rows.begin()->second;
    BOOST_REQUIRE(row.grant.find("refresh_token") != nullptr);
    BOOST_TEST(row.grant.find("refresh_token")->view() == "rt_test_kept");
    BOOST_TEST(!row.record.intent.has_value());
}

BOOST_FIXTURE_TEST_CASE(what_is_valid_is_served_while_a_renewal_fails, WebrootShop) {
    begin();
    BOOST_TEST(get() == "at_test_1");
    https.answer = [&](const Sent&) { return https.reply(503, "{}"); };
    pass(Millis{290'000});
    BOOST_TEST(get({{"timeout_ms", 3'000}}) ==
               "at_test_1");  // 9 s left: less than is aimed at, but valid
    BOOST_TEST(get({{"min_remaining_ms", 60'000}, {"timeout_ms", 3'000}}) == "ProviderUnavailable");
    pass(Millis{10'000});
    BOOST_TEST(get({{"timeout_ms", 100}}) == "ProviderUnavailable");
    BOOST_TEST(get({{"min_remaining_ms", 400'000}}) == "LifetimeTooShort");
}

// Each would have come 50 ms too short: one renewal after the other, as quickly as the provider
// answers, and each spends a refresh token.
BOOST_FIXTURE_TEST_CASE(a_promise_that_no_token_can_keep_costs_one_renewal, WebrootShop) {
    https.latency = Millis{50};
    begin();
    const object nearly_all{{"min_remaining_ms", 298'990}, {"timeout_ms", 20'000}};
    BOOST_TEST(get(nearly_all) == "LifetimeTooShort");
    BOOST_TEST(https.sent.size() == 1U);  // it came just now: another would be no longer
    pass(Millis{60'000});
    BOOST_TEST(get(nearly_all) == "LifetimeTooShort");
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(get(nearly_all) == "LifetimeTooShort");
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(get({{"min_remaining_ms", 298'000}}) == "at_test_2");
    BOOST_TEST(get({{"min_remaining_ms", 300'000}}) == "LifetimeTooShort");
    pass(Millis{60'000});
    BOOST_TEST(get({{"min_remaining_ms", 300'000}}) == "LifetimeTooShort");
    BOOST_TEST(https.sent.size() == 2U);  // longer than their life: nothing is tried for it
    // What somebody has to mend comes first.
    https.answer = [&](const Sent&) { return refused(); };
    BOOST_TEST(call(admin + "RenewAccount", {{"account", "shop/main"}}).error != "");
    BOOST_TEST(get({{"min_remaining_ms", 300'000}}) == "LoginRequired");
    BOOST_TEST(get() == "at_test_2");
}

BOOST_FIXTURE_TEST_CASE(an_open_breaker_answers_readers_at_once, WebrootShop) {
    https.answer = [&](const Sent&) { return https.reply(503, "{}"); };
    begin();
    for (int i = 0; i < 100 && app->broker().alarms().empty(); ++i)
        pass(Millis{1'000});
    BOOST_REQUIRE(!app->broker().alarms().empty());
    const BootTime before = clock.now();
    BOOST_TEST(get() == "ProviderUnavailable");
    BOOST_TEST((clock.now() - before).count() <= 1);
}

BOOST_FIXTURE_TEST_CASE(waits_really_happen, WebrootShop) {
    https.answer = [&](const Sent&) {
        http::Outcome busy = https.reply(429, "{}");
        std::get<http::Reply>(busy).headers.emplace_back("retry-after", "60");
        return busy;
    };
    begin();
    pass(Millis{3'600'000});
    for (std::size_t i = 1; i < https.sent.size(); ++i)
        BOOST_TEST((https.sent[i].at - https.sent[i - 1].at).count() >= 60'000);
    BOOST_TEST(https.sent.size() > 5U);
    BOOST_TEST(https.sent.size() < 61U);
}

BOOST_AUTO_TEST_CASE(an_exchange_without_an_end_is_ended) {
    static const Endless endless;
    if (providers::find_provider("test-endless") == nullptr) providers::register_provider(endless);
    Bench bench;
    bench.client("endless", "test-endless");
    bench.account("endless/a", "test-endless");
    bench.begin();
    bench.pass(Millis{1'000});
    BOOST_TEST(bench.https.sent.size() == static_cast<std::size_t>(limits::exchange_steps_max));
    const auto reply = bench.call(tokens + "GetToken", {{"account", "endless/a"}});
    BOOST_TEST(reply.error == tokens + "Misconfigured");
}

BOOST_AUTO_TEST_CASE(only_an_answer_about_the_token_marks_a_static_one) {
    Bench bench;
    bench.client("tk", "threekit");
    bench.account("tk/a", "threekit");
    int status = 404;
    bench.https.answer = [&](const Sent&) { return bench.https.reply(status, "{}"); };
    bench.begin();
    const auto renew = [&] { return bench.call(admin + "RenewAccount", {{"account", "tk/a"}}); };
    BOOST_TEST(renew().error == admin + "RenewalFailed");
    BOOST_TEST(!bench.find("tk/a").rejected_by_probe);
    status = 401;
    const auto refused = renew();
    BOOST_TEST(refused.error == admin + "RenewalFailed");
    BOOST_TEST(refused.parameters.at("class").as_string() == "CONFIG");
    BOOST_TEST(bench.find("tk/a").rejected_by_probe);
    BOOST_TEST(bench.call(tokens + "GetToken", {{"account", "tk/a"}}).error ==
               "");  // served all the same
    status = 200;
    BOOST_TEST(renew().error == "");
    BOOST_TEST(!bench.find("tk/a").rejected_by_probe);
}

BOOST_FIXTURE_TEST_CASE(a_new_grant_proves_itself_before_the_old_one_goes, WebrootShop) {
    begin();
    BOOST_TEST(get() == "at_test_1");
    const object parameters{{"account", "shop/main"},
                            {"secrets", {{"refresh_token", "rt_test_new"}}},
                            {"replace", true}};
    https.answer = [&](const Sent&) { return refused(); };
    const auto no = call(admin + "AddAccount", parameters);
    BOOST_TEST(no.error == admin + "RenewalFailed");
    BOOST_TEST(no.parameters.at("class").as_string() == "REAUTH");
    BOOST_TEST(get() == "at_test_1");
    BOOST_TEST(disk.rows.size() == 1U);  // nothing of the candidate is left
    https.answer = nullptr;
    const auto yes = call(admin + "AddAccount", parameters);
    BOOST_TEST(yes.error == "");
    BOOST_TEST(yes.parameters.at("proved").as_bool());
    BOOST_TEST(get() == "at_test_2");
    BOOST_TEST(disk.rows.size() == 1U);
    BOOST_TEST(https.sent.back().body.find("rt_test_new") != std::string::npos);
}
