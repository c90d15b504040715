// The smallest tests of what the simulation found.
#include <boost/test/unit_test.hpp>

#include "tests/unit/daemon/bench.hpp"

namespace tb::test {
namespace {

using boost::json::array;
using boost::json::object;

BOOST_AUTO_TEST_SUITE(what_the_simulation_found)

// A probe was started whatever its origin had asked for: a report or an operator could make it
// call within a Retry-After, and beyond the caps.
BOOST_AUTO_TEST_CASE(a_probe_respects_retry_after) {
    Bench bench;
    bench.client("tk", "threekit");
    bench.account("tk/a", "threekit");
    bench.https.answer = [&](const Sent&) {
        http::Outcome outcome = bench.https.reply(503, "{}");
        std::get<http::Reply>(outcome).headers.emplace_back("retry-after", "60");
        return outcome;
    };
    bench.begin();
    const auto renew = [&] { return bench.call(admin + "RenewAccount", {{"account", "tk/a"}}); };
    const auto report = [&] {
        return bench.call(tokens + "ReportRejected", {{"account", "tk/a"}, {"generation", 1}});
    };
    BOOST_TEST(renew().error == admin + "RenewalFailed");
    BOOST_TEST(bench.https.sent.size() == 1U);
    bench.pass(Millis{10'000});
    BOOST_TEST(renew().error == admin + "RenewalFailed");
    BOOST_TEST(!report().parameters.at("renewal_started").as_bool());
    BOOST_TEST(bench.https.sent.size() == 1U);
    bench.pass(Millis{51'000});
    BOOST_TEST(report().parameters.at("renewal_started").as_bool());
    bench.pass(Millis{1'000});
    BOOST_TEST(bench.https.sent.size() == 2U);
}

// A watcher was sent tokens with less left than anybody else is given.
BOOST_AUTO_TEST_CASE(a_watcher_gets_no_token_that_is_nearly_dead) {
    Bench bench;
    bench.client("shop", "webroot").policy = providers::Policy::when_used;
    bench.account("shop/main", "webroot");
    bench.begin();
    BOOST_TEST(bench.call(tokens + "GetToken", {{"account", "shop/main"}}).error == "");
    bench.https.answer = [&](const Sent&) { return bench.https.reply(503, "{}"); };
    const auto token_after = [&](Millis left) {
        bench.pass(bench.find("shop/main").slot.remaining(bench.clock.now()) - left);
        const object watch{{"accounts", array{"shop/main"}}};
        const auto wire = bench.send(tokens + "WatchTokens", watch, 0, true);
        bench.settle();
        const auto event = bench.taken(wire);
        sim::caller_close(wire);
        return event && event->parameters.if_contains("token") != nullptr;
    };
    BOOST_TEST(token_after(Millis{1'100}));
    BOOST_TEST(!token_after(Millis{900}));
}

// A renewal that an operator asked for while the daemon stopped was never answered, and its timer
// outlived the broker.
BOOST_AUTO_TEST_CASE(an_operator_is_answered_while_the_daemon_stops) {
    Bench bench;
    bench.client("shop", "webroot");
    bench.account("shop/main", "webroot");
    bench.begin();
    spawn(bench.context.get_executor(), "stop", bench.app->stop());
    const auto wire = bench.send(admin + "RenewAccount", {{"account", "shop/main"}});
    bench.settle();
    const auto reply = bench.taken(wire);
    BOOST_REQUIRE(reply.has_value());
    BOOST_TEST(reply->error == admin + "RenewalFailed");
    sim::caller_close(wire);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace tb::test
