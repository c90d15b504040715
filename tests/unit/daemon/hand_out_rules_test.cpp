// What nobody may be given, and what whoever waits or watches must be told, whatever the hour: what
// is withheld, what was reported as refused, timers that come late, the end of a token.
#include <fmt/format.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "tests/unit/daemon/creeping_clock.hpp"
#include "tests/unit/daemon/webroot_shop.hpp"

namespace tb::test {
namespace {

std::string name_of(const proto::Reply& reply) {
    return reply.error.substr(reply.error.rfind('.') + 1);
}

std::vector<boost::json::object> events_in(std::string_view bytes) {
    std::vector<boost::json::object> all;
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t nul = bytes.find('\0', at);
        BOOST_REQUIRE(nul != std::string_view::npos);
        all.push_back(proto::parse_reply(bytes.substr(at, nul - at))->parameters);
        at = nul + 1;
    }
    return all;
}

// What a watcher was sent since the last time.
std::vector<boost::json::object> events(const std::shared_ptr<sim::Wire>& wire) {
    return events_in(sim::caller_take(wire));
}

struct LateShop : WebrootShop {
    LateShop() { daemons_clock = &creeping; }
    ~LateShop() { end(); }  // while its clock is there
    CreepingClock creeping{clock};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(hand_out_rules)

BOOST_FIXTURE_TEST_CASE(a_paused_account_gives_nothing_away, WebrootShop) {
    begin();
    BOOST_TEST(get() == "at_test_1");
    const auto watcher = send(tokens + "WatchTokens", {{"accounts", {"shop/main"}}}, 1000, true);
    (void)events(watcher);
    BOOST_TEST(call(admin + "PauseAccount", {{"account", "shop/main"}}).error == "");
    BOOST_TEST(get() == "AccountPaused");  // though the token in hand is good for minutes
    const auto told = events(watcher);
    BOOST_REQUIRE(told.size() == 1U);
    BOOST_TEST(told[0].at("event").as_string() == "paused");
    BOOST_TEST(!told[0].contains("token"));
    BOOST_TEST(call(admin + "ResumeAccount", {{"account", "shop/main"}}).error == "");
    BOOST_TEST(get() == "at_test_1");
}

BOOST_FIXTURE_TEST_CASE(a_pause_while_somebody_waits_gives_nothing_away, WebrootShop) {
    https.lifetime_s = 20;
    begin();
    BOOST_TEST(get() == "at_test_1");
    pass(Millis{16'000});
    https.latency = Millis{60'000};
    const auto waits = send(tokens + "GetToken", {{"account", "shop/main"}});
    BOOST_TEST(!taken(waits).has_value());
    find("shop/main").paused = true;  // as by a reload or a restore, which turn nobody away
    pass(Millis{11'000});
    const auto reply = taken(waits);
    BOOST_REQUIRE(reply.has_value());
    BOOST_TEST(name_of(*reply) == "AccountPaused");
}

BOOST_FIXTURE_TEST_CASE(a_refused_token_is_withheld_where_the_section_is_strict, Bench) {
    client("tk", "threekit").strict = true;
    account("tk/a", "threekit");
    https.answer = [this](const Sent&) { return https.reply(401, "{}"); };
    begin();
    BOOST_TEST(call(tokens + "GetToken", {{"account", "tk/a"}}).error == "");
    const auto watcher = send(tokens + "WatchTokens", {{"accounts", {"tk/a"}}}, 1000, true);
    (void)events(watcher);
    (void)call(admin + "RenewAccount", {{"account", "tk/a"}});
    BOOST_REQUIRE(find("tk/a").rejected_by_probe);
    BOOST_TEST(name_of(call(tokens + "GetToken", {{"account", "tk/a"}})) == "Misconfigured");
    const auto told = events(watcher);
    BOOST_REQUIRE(told.size() == 1U);
    BOOST_TEST(told[0].at("event").as_string() == "misconfigured");
    BOOST_TEST(!told[0].contains("token"));
}

BOOST_FIXTURE_TEST_CASE(what_was_reported_while_a_renewal_is_in_flight_is_not_given_again,
                        WebrootShop) {
    begin();
    BOOST_TEST(get() == "at_test_1");
    pass(Millis{10'000});
    https.answer = [this](const Sent&) { return https.reply(503, "busy"); };
    https.latency = Millis{3'000};
    const auto renews = send(admin + "RenewAccount", {{"account", "shop/main"}});
    const boost::json::object report{{"account", "shop/main"}, {"generation", 1}};
    const auto watcher = send(tokens + "WatchTokens", {{"accounts", {"shop/main"}}}, 1000, true);
    BOOST_TEST(events(watcher).at(0).contains("token"));
    BOOST_TEST(
        call(tokens + "ReportRejected", report, 1000).parameters.at("renewal_started").as_bool());
    pass(Millis{5'000});
    const boost::json::object wish{{"account", "shop/main"}};
    BOOST_TEST(name_of(call(tokens + "GetToken", wish, 1000)) == "ProviderUnavailable");
    BOOST_TEST(get() == "at_test_1");  // others keep it
    app->broker().notify(find("shop/main"), "misconfigured", {});
    for (const auto& event : events(watcher))
        BOOST_TEST(!event.contains("token"));
}

BOOST_FIXTURE_TEST_CASE(what_was_reported_before_a_login_is_needed_is_not_given_again,
                        WebrootShop) {
    begin();
    BOOST_TEST(get() == "at_test_1");
    pass(Millis{10'000});
    https.answer = [this](const Sent&) { return refused(); };
    (void)call(admin + "RenewAccount", {{"account", "shop/main"}});
    BOOST_TEST(get() == "at_test_1");
    const auto reported =
        call(tokens + "ReportRejected", {{"account", "shop/main"}, {"generation", 1}}, 1000);
    BOOST_TEST(!reported.parameters.at("renewal_started").as_bool());
    const boost::json::object wish{{"account", "shop/main"}};
    BOOST_TEST(name_of(call(tokens + "GetToken", wish, 1000)) == "LoginRequired");
}

BOOST_FIXTURE_TEST_CASE(a_wish_beyond_the_limits_is_refused_also_while_a_token_is_there,
                        WebrootShop) {
    begin();
    BOOST_TEST(get() == "at_test_1");
    BOOST_TEST(get({{"timeout_ms", limits::reader_timeout_max_ms.count()}}) == "at_test_1");
    BOOST_TEST(get({{"timeout_ms", limits::reader_timeout_max_ms.count() + 1}}) ==
               "InvalidParameter");
    BOOST_TEST(get({{"min_remaining_ms", limits::lifetime_max_ms.count() + 1}}) ==
               "InvalidParameter");
}

// What is in hand is served shortly before it is too old; a timer that comes after that ends no
// wait.
BOOST_FIXTURE_TEST_CASE(a_late_timer_does_not_end_a_wait, LateShop) {
    https.lifetime_s = 20;
    begin();
    BOOST_TEST(get() == "at_test_1");
    pass(Millis{16'000});  // 4 s are left, 5 are aimed at
    https.latency = Millis{5'000};
    const auto waits = send(tokens + "GetToken", {{"account", "shop/main"}});
    creeping.stand(limits::timer_late_ms * 4);
    pass(Millis{4'000});
    BOOST_TEST(!taken(waits).has_value());
    pass(Millis{2'000});
    const auto reply = taken(waits);
    BOOST_REQUIRE(reply.has_value());
    BOOST_TEST(reply->error == "");
    // In time it is what is in hand.
    pass(Millis{9'500});
    https.latency = Millis{8'000};
    const auto in_time = send(tokens + "GetToken", {{"account", "shop/main"}});
    pass(Millis{4'000});
    const auto second = taken(in_time);
    BOOST_REQUIRE(second.has_value());
    BOOST_TEST(second->error == "");
}

BOOST_FIXTURE_TEST_CASE(who_waits_has_a_timer_though_what_stopped_it_passes_meanwhile, LateShop) {
    config.clients.at("shop").policy = providers::Policy::on_demand;  // nothing else sets it off
    https.answer = [this](const Sent&) { return https.reply(503, "busy"); };
    begin();
    for (int looks = 1; looks < 24; ++looks) {
        auto& account = find("shop/main");
        account.state = storage::GrantState::misconfigured;
        account.slot.not_before = creeping.now() + Millis{looks};
        creeping.creeps = true;
        const auto waits =
            send(tokens + "GetToken", {{"account", "shop/main"}, {"timeout_ms", 1'000}});
        creeping.creeps = false;
        pass(Millis{2'000});
        BOOST_TEST(taken(waits).has_value(), looks);
    }
}

BOOST_FIXTURE_TEST_CASE(watchers_are_told_that_a_token_runs_out_while_its_origin_is_away,
                        WebrootShop) {
    begin();
    BOOST_TEST(get() == "at_test_1");
    const auto watcher = send(tokens + "WatchTokens", {{"accounts", {"shop/main"}}}, 1000, true);
    BOOST_TEST(events(watcher).size() == 1U);
    https.answer = [this](const Sent&) {
        http::Outcome busy = https.reply(503, "{}");
        std::get<http::Reply>(busy).headers.emplace_back("retry-after", "3600");
        return busy;
    };
    pass(Millis{260'000});
    BOOST_TEST(events(watcher).empty());  // 39 s are left
    pass(Millis{20'000});
    const auto told = events(watcher);
    BOOST_REQUIRE(told.size() == 1U);
    BOOST_TEST(told[0].at("event").as_string() == "expiring_unrenewed");
    BOOST_TEST(told[0].contains("token"));  // it serves for 19 s more
    BOOST_TEST(told[0].at("reason").as_string().find("shop.test") != std::string::npos);
    pass(Millis{600'000});
    BOOST_TEST(events(watcher).empty());  // once
}

// Its own renewal takes its time: that is no news. When it is late, it is.
BOOST_FIXTURE_TEST_CASE(watchers_are_not_alarmed_by_a_renewal_that_goes_well, WebrootShop) {
    https.lifetime_s = 100;
    https.latency = limits::renewal_is_late_ms - Millis{1'000};
    begin();
    BOOST_TEST(get() == "at_test_1");
    const auto watcher = send(tokens + "WatchTokens", {{"accounts", {"shop/main"}}}, 1000, true);
    pass(Millis{600'000});
    for (const auto& event : events(watcher))
        BOOST_TEST(event.at("event").as_string() == "new_token");
    https.latency = limits::renewal_is_late_ms + Millis{12'000};
    pass(Millis{100'000});
    const auto told = events(watcher);
    BOOST_TEST(std::ranges::any_of(told, [](const auto& event) {
        return event.at("event").as_string() == "expiring_unrenewed";
    }));
}

BOOST_AUTO_TEST_CASE(of_refused_tokens_the_newest_are_remembered) {
    daemon::Account account;
    for (uid_t uid = 0; uid <= limits::rejected_kept_max; ++uid) {
        account.reject(uid, 7);
        account.reject(uid, 7);
    }
    BOOST_TEST(account.rejected.size() == limits::rejected_kept_max);
    BOOST_TEST(!account.rejected_by(0, 7));
    BOOST_TEST(account.rejected_by(limits::rejected_kept_max, 7));
    account.forget_rejected(7);
    BOOST_TEST(account.rejected.empty());
}

BOOST_FIXTURE_TEST_CASE(watchers_of_what_is_got_on_demand_are_told_so, WebrootShop) {
    config.clients.at("shop").policy = providers::Policy::on_demand;
    begin();
    const auto watcher = send(tokens + "WatchTokens", {{"accounts", {"shop/main"}}}, 1000, true);
    const auto told = events(watcher);
    BOOST_REQUIRE(told.size() == 1U);
    BOOST_TEST(told[0].at("reason").as_string().find("GetToken") != std::string::npos);
}

// Their states are more than the socket takes at once, and more than a client may leave unread.
BOOST_FIXTURE_TEST_CASE(a_watch_of_a_thousand_accounts, Bench) {
    constexpr std::size_t many = limits::watches_per_call_max;
    client("tk", "threekit");
    boost::json::array names;
    for (std::size_t i = 0; i < many; ++i) {
        account(fmt::format("tk/{:04}", i), "threekit");
        names.emplace_back(fmt::format("tk/{:04}", i));
    }
    for (auto& [id, row] : disk.rows)
        row.record.token->access_token = Secret(std::string(1'024, 'x'));
    begin();
    const auto watcher = send(tokens + "WatchTokens", {{"accounts", names}}, 1000, true);
    std::string bytes;
    for (std::size_t before = 1; bytes.size() != before; settle()) {
        before = bytes.size();
        bytes += sim::caller_take(watcher);
    }
    const auto told = events_in(bytes);
    BOOST_TEST(told.size() == many);
    BOOST_TEST(
        std::ranges::all_of(told, [](const auto& event) { return event.contains("token"); }));
    BOOST_TEST(!watcher->daemon_gone);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::test
