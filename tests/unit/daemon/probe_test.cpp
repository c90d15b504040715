// Probes of static tokens: who asked for them, how many at once, and what an answer that comes too
// late must not do.
#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "daemon/diagnose.hpp"
#include "tests/unit/daemon/bench.hpp"

using namespace tb;
using namespace tb::test;

namespace {

constexpr Millis day{86'400'000};

struct Models : Bench {
    Models() {
        client("tk", "threekit");
        https.answer = [this](const Sent&) {
            return https.reply(status, status == 200 ? "[]" : "{}");
        };
    }
    void daily(bool on) { config.clients.at("tk").operator_probe_daily = on; }
    int status = 200;
};

BOOST_FIXTURE_TEST_CASE(a_probe_that_was_asked_for_once_is_not_repeated, Models) {
    account("tk/a", "threekit");
    begin();
    BOOST_TEST(call(admin + "RenewAccount", {{"account", "tk/a"}}).error == "");
    pass(day * 3);
    BOOST_TEST(https.sent.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_reload_starts_and_ends_daily_probes, Models) {
    account("tk/a", "threekit");
    begin();
    daily(true);
    BOOST_TEST(call(admin + "Reload", {}).error == "");
    pass(day / 2);
    BOOST_TEST(https.sent.size() == 1U);
    pass(day);
    BOOST_TEST(https.sent.size() == 2U);
    daily(false);
    BOOST_TEST(call(admin + "Reload", {}).error == "");
    pass(day * 3);
    BOOST_TEST(https.sent.size() == 2U);
}

BOOST_FIXTURE_TEST_CASE(probes_keep_to_the_caps_of_their_origin, Models) {
    daily(true);
    for (int i = 0; i < 100; ++i)
        account(fmt::format("tk/a{}", i), "threekit");
    begin();
    pass(day / 24);
    BOOST_TEST(https.sent.size() == 100U);
    BOOST_TEST(https.in_flight_most <= ::tb::limits::exchanges_per_origin_default);
}

// Its state stays good, and it is handed out, but it opens nothing.
BOOST_FIXTURE_TEST_CASE(a_refused_token_needs_somebody, Models) {
    account("tk/a", "threekit");
    begin();
    const auto found = [this] {
        daemon::AccountsWalk walk;
        auto all =
            daemon::judge_some_accounts(walk, app->accounts(), app->broker(), daemon::Turn(clock));
        BOOST_REQUIRE((walk.ended && all.size() == 1U));
        return all.front();
    };
    BOOST_TEST((found().level == daemon::Finding::Level::ok));
    status = 401;
    (void)call(admin + "RenewAccount", {{"account", "tk/a"}});
    const daemon::Finding refused = found();
    BOOST_TEST((refused.level == daemon::Finding::Level::problem));
    BOOST_TEST(refused.what == find("tk/a").reason);
    BOOST_TEST(refused.what.starts_with("tk/a: "));
    BOOST_TEST(refused.run == "tokenbroker account add tk/a --replace");
    BOOST_TEST(refused.why.find("handed its token") != std::string::npos);
    config.clients.at("tk").strict = true;
    BOOST_TEST(call(admin + "Reload", {}).error == "");
    BOOST_TEST(found().why.starts_with("its token is not handed out"));
    status = 200;
    (void)call(admin + "RenewAccount", {{"account", "tk/a"}});
    BOOST_TEST((found().level == daemon::Finding::Level::ok));
}

BOOST_FIXTURE_TEST_CASE(a_late_answer_about_the_old_token_says_nothing_of_the_new, Models) {
    account("tk/a", "threekit");
    status = 401;
    https.latency = Millis{1'000};
    begin();
    const auto asked = send(admin + "RenewAccount", {{"account", "tk/a"}});
    pass(Millis{100});
    const auto replaced = call(admin + "AddAccount",
                               {{"account", "tk/a"},
                                {"secrets", {{"token", "8f14e45f-ceea-467f-a8d2-1b2c3d4e5f60"}}},
                                {"replace", true}});
    BOOST_TEST(replaced.error == "");
    pass(Millis{5'000});
    BOOST_TEST(!find("tk/a").rejected_by_probe);
}

}  // namespace
