// Probes of static tokens: who asked for them, how many at once, and what an answer that comes too
// late must not do.
#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
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
