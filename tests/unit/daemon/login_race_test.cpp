// A login against what else happens to its account: what the provider acknowledged is kept, or
// given back where nobody will use it.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

#include "base/limits.hpp"
#include "tests/unit/daemon/shop_bench.hpp"

using namespace tb;
using namespace tb::test;

namespace {

BOOST_FIXTURE_TEST_CASE(a_login_supersedes_a_renewal_in_flight_whose_grant_is_revoked, Shop) {
    account("shop/main", "oauth2");
    https.latency = Millis{5'000};
    begin();
    pass(Millis{1'000});
    BOOST_TEST(https.in_flight == 1);  // the first renewal of the old grant
    https.latency = Millis{10};
    const auto wire = begin_login("code");
    const object show = shown(wire);
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    pass(Millis{1'000});
    BOOST_TEST(taken(wire).value().error == "");
    BOOST_TEST(grant() == "rt_new_1");
    pass(Millis{60'000});
    BOOST_TEST(grant() == "rt_new_1");
    BOOST_TEST(token() == "at_test_1");
    BOOST_REQUIRE(https.sent.back().target == "/revoke");
    BOOST_TEST(https.sent.back().body.find("rt_new_2") != std::string::npos);
}

// A pasted grant is on its way to its proof, and takes its time.
struct ShopWithOlder : Shop {
    ShopWithOlder() {
        account("shop/main", "oauth2");
        begin();
        BOOST_TEST(token() == "at_test_1");
        https.latency = Millis{5'000};
        older = send(admin + "AddAccount", {{"account", "shop/main"},
                                            {"secrets", {{"refresh_token", "rt_test_older"}}},
                                            {"replace", true}});
        pass(Millis{1'000});
        BOOST_TEST(https.in_flight == 1);
        BOOST_TEST(disk.rows.size() == 2U);
        https.latency = Millis{10};
    }
    std::shared_ptr<sim::Wire> older;
};

BOOST_FIXTURE_TEST_CASE(a_login_ends_the_proof_of_an_older_grant, ShopWithOlder) {
    const auto wire = begin_login("code");
    const object show = shown(wire);
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    pass(Millis{1'000});
    BOOST_TEST(taken(wire).value().error == "");
    const std::string of_login = grant();
    const auto told = taken(older);
    BOOST_REQUIRE(told.has_value());
    const std::string reason(told->parameters.at("reason").as_string());
    BOOST_TEST(reason.find("something newer") != std::string::npos);
    pass(Millis{60'000});
    BOOST_TEST(disk.rows.size() == 1U);
    BOOST_TEST(grant() == of_login);
    BOOST_TEST(https.sent.back().target == "/revoke");  // what the older one was exchanged for
}

// The login brought a grant beside a token that is no use: it is tried, not the older one.
BOOST_FIXTURE_TEST_CASE(a_login_without_a_token_is_not_turned_away_for_an_older_grant,
                        ShopWithOlder) {
    https.answer = [this](const Sent& asked) {
        if (asked.body.find("c0de") == std::string::npos) return answer(asked);
        return https.reply(200, R"({"access_token":"at test","token_type":"bearer",)"
                                R"("expires_in":3600,"refresh_token":"rt_of_login"})");
    };
    const auto wire = begin_login("code");
    const object show = shown(wire);
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    pass(Millis{1'000});
    const bool tried = std::ranges::any_of(https.sent, [](const Sent& one) {
        return one.body.find("rt_of_login") != std::string::npos;
    });
    BOOST_TEST(tried);
    BOOST_TEST(taken(wire).value().error == "");
    const std::string of_login = grant();
    pass(Millis{60'000});
    BOOST_TEST(disk.rows.size() == 1U);
    BOOST_TEST(grant() == of_login);
}

// The disk was full when the login ended; the backup that was restored in between is older.
BOOST_FIXTURE_TEST_CASE(a_login_takes_the_place_of_what_a_restore_brought_meanwhile, Shop) {
    begin();
    const auto wire = begin_login("code");
    const object show = shown(wire);
    options.faults.commit_fails = 1.0;
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    pass(Millis{100});
    account("shop/main", "oauth2");  // as in_memory() of a restore
    const sim::Row& row = disk.rows.rbegin()->second;
    app->broker().restored(app->accounts().insert(row.record.copy(), app->broker().moment(), ""),
                           false);
    options.faults.commit_fails = 0;
    pass(Millis{60'000});
    const auto told = taken(wire);
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST(told->error == "");
    BOOST_TEST(grant().starts_with("rt_new_"));
    BOOST_TEST(token() != "");
}

// A server that keeps the refresh token, whose life the configuration states: when it is to be kept
// alive, one renewal shows that it can't be.
BOOST_FIXTURE_TEST_CASE(a_grant_that_renewals_do_not_prolong_is_not_renewed_again_and_again, Shop) {
    config.clients.at("shop").settings.settings["refresh_ttl"] = {std::string("2d"), "test.toml:9"};
    config.clients.at("shop").policy = providers::Policy::on_demand;
    account("shop/main", "oauth2");
    https.answer = [this](const Sent&) {
        return https.reply(200,
                           R"({"access_token":"at_test","token_type":"bearer","expires_in":3600})");
    };
    disk.rows.begin()->second.record.grant_expires_at = clock.wall() + Millis{2 * 86'400'000};
    begin();
    BOOST_TEST(token() == "at_test");
    pass(Millis{3 * 86'400'000});
    BOOST_TEST(https.sent.size() == 2U);
}

// Dead when it comes: one exchange, and the caller is told how long a token of it lasts.
BOOST_FIXTURE_TEST_CASE(a_token_without_a_life_is_not_asked_for_again_and_again, Shop) {
    config.clients.at("shop").policy = providers::Policy::ahead;
    account("shop/main", "oauth2");
    https.answer = [this](const Sent& asked) {
        http::Outcome out = answer(asked);
        auto& body = std::get<http::Reply>(out).body;
        std::string text(body.view());
        text.replace(text.find("3600"), 4, "0");
        body = Secret(text);
        return out;
    };
    begin();
    BOOST_TEST(token() == "LifetimeTooShort");
    BOOST_TEST(https.sent.size() == 1U);
    pass(Millis{20'000});
    const auto most = Millis{20'000} / ::tb::limits::renew_every_ms_min + 1;
    BOOST_TEST(https.sent.size() <= static_cast<std::size_t>(most));
}

// What failed was written all the same: the daemon finds that out by itself.
BOOST_FIXTURE_TEST_CASE(an_enrolment_that_was_in_doubt_is_one_or_none, Shop) {
    begin();
    options.faults.commit_fails_applied = 1.0;
    const auto wire = send(admin + "AddAccount", {{"account", "shop/main"},
                                                  {"secrets", {{"refresh_token", "rt_test_0"}}}});
    BOOST_TEST(!taken(wire).has_value());
    BOOST_TEST(disk.rows.size() == 1U);
    options.faults.commit_fails_applied = 0;
    pass(Millis{1'000});
    const auto told = taken(wire);
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST(told->error == "");
    BOOST_TEST(token() == "at_test_1");
    options.faults.commit_fails_applied = 1.0;
    const auto removing = send(admin + "RemoveAccount", {{"account", "shop/main"}});
    options.faults.commit_fails_applied = 0;
    pass(Millis{1'000});
    BOOST_TEST(taken(removing).value().error == "");
    BOOST_TEST(app->accounts().find("shop/main") == nullptr);
    BOOST_TEST(disk.rows.empty());
}

// A store that never says is given up, and nothing waits for it at the stop.
BOOST_FIXTURE_TEST_CASE(an_enrolment_is_not_in_doubt_for_ever, Shop) {
    begin();
    options.faults.commit_fails_applied = 1.0;
    const auto wire = send(admin + "AddAccount", {{"account", "shop/main"},
                                                  {"secrets", {{"refresh_token", "rt_test_0"}}}});
    pass(::tb::limits::known_within_ms / 2);
    BOOST_TEST(!taken(wire).has_value());
    pass(::tb::limits::known_within_ms);
    const auto told = taken(wire);
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST(told->error != "");
    end();
}

BOOST_FIXTURE_TEST_CASE(a_revocation_leaves_the_grant_of_a_login_meanwhile, Shop) {
    account("shop/main", "oauth2");
    begin();
    BOOST_TEST(token() == "at_test_1");
    const auto wire = begin_login("code");
    const object show = shown(wire);
    https.latency = Millis{5'000};
    const auto revoking = send(admin + "RevokeAccount", {{"account", "shop/main"}});
    pass(Millis{1'000});
    https.latency = Millis{10};
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    pass(Millis{1'000});
    BOOST_TEST(taken(wire).value().error == "");
    const std::string of_login = grant();
    pass(Millis{10'000});
    const auto told = taken(revoking);
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST(told->error == admin + "Refused");
    BOOST_TEST(grant() == of_login);
    BOOST_TEST(token() != "LoginRequired");
}

BOOST_FIXTURE_TEST_CASE(a_full_disk_does_not_lose_the_grant_of_a_login, Shop) {
    begin();
    const auto wire = begin_login("code");
    const object show = shown(wire);
    store->set_down(true);
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    sim::caller_close(wire);  // not even the person waits for it any more
    pass(Millis{60'000});
    BOOST_TEST(disk.rows.empty());
    const auto status = call(admin + "GetStatus", {});
    BOOST_TEST(status.parameters.at("daemon").at("alarms").as_array().size() == 1U);
    store->set_down(false);
    pass(Millis{60'000});
    BOOST_TEST(grant() == "rt_new_1");
    BOOST_TEST(token() == "at_test_1");
}

BOOST_FIXTURE_TEST_CASE(an_account_removed_during_the_login_gives_the_new_grant_back, Shop) {
    account("shop/main", "oauth2");
    begin();
    BOOST_TEST(token() == "at_test_1");
    const auto wire = begin_login("code");
    const object show = shown(wire);
    store->set_down(true);  // so that the login's grant waits for the store
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    pass(Millis{1'000});
    store->set_down(false);
    BOOST_TEST(call(admin + "RemoveAccount", {{"account", "shop/main"}}).error == "");
    pass(Millis{60'000});
    BOOST_TEST(!taken(wire).value().error.empty());
    BOOST_TEST(disk.rows.empty());
    const bool given_back = std::ranges::any_of(https.sent, [](const Sent& one) {
        return one.target == "/revoke" && one.body.find("rt_new_2") != std::string::npos;
    });
    BOOST_TEST(given_back);
}

BOOST_FIXTURE_TEST_CASE(a_grant_beside_a_token_that_is_no_use_is_kept_and_renewed, Shop) {
    bool spoilt = true;
    https.answer = [&](const Sent& asked) {
        if (!std::exchange(spoilt, false)) return answer(asked);
        return https.reply(200, R"({"access_token":"two words","token_type":"bearer",)"
                                R"("refresh_token":"rt_first"})");
    };
    for (const bool existing : {false, true}) {
        if (!existing) begin();
        spoilt = true;
        const auto wire = begin_login("code");
        const object show = shown(wire);
        BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
        pass(Millis{5'000});
        const auto last = taken(wire);
        BOOST_REQUIRE(last.has_value());
        BOOST_TEST_INFO(boost::json::serialize(last->parameters));
        BOOST_TEST_INFO(existing);
        BOOST_TEST(last->error == "");
        BOOST_TEST(https.sent.back().body.find("refresh_token=rt_first") != std::string::npos);
        BOOST_TEST(token() == "at_test_" + std::to_string(issued));
    }
}

}  // namespace
