// Each limit of the broker and its services, exceeded: what a caller gets, by the name of the
// error.
#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <set>

#include "base/limits.hpp"
#include "daemon/admin_service.hpp"
#include "tests/unit/daemon/bench.hpp"

using namespace tb;
using namespace tb::test;
using boost::json::array;
using boost::json::object;

namespace {

const std::string invalid = "org.varlink.service.InvalidParameter";
const std::string too_many = tokens + "TooManyRequests";

object strings(std::size_t count, std::size_t bytes) {
    object out;
    for (std::size_t i = 0; i < count; ++i)
        out["k" + std::to_string(i)] = std::string(bytes, 'v');
    return out;
}

struct Shop : Bench {
    Shop() {
        client("shop", "webroot");
        account("shop/main", "webroot");
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(parameters_of_calls_have_limits, Shop) {
    begin();
    const auto wrong = [&](const std::string& method, object parameters) {
        const auto reply = call(method, std::move(parameters));
        return reply.error == invalid ? std::string(reply.parameters.at("parameter").as_string())
                                      : reply.error;
    };
    const std::string name(limits::account_name_bytes_max + 1, 'a');
    BOOST_TEST(wrong(tokens + "GetToken", {{"account", name}}) == "account");
    const auto late = limits::reader_timeout_max_ms.count() + 1;
    BOOST_TEST(wrong(tokens + "GetToken", {{"account", "shop/main"}, {"timeout_ms", late}}) ==
               "timeout_ms");
    const auto many = strings(limits::parameters_max + 1, 1);
    BOOST_TEST(wrong(tokens + "GetToken", {{"account", "shop/main"}, {"parameters", many}}) ==
               "parameters");
    const auto large = strings(1, limits::parameter_bytes_max + 1);
    BOOST_TEST(wrong(tokens + "GetToken", {{"account", "shop/main"}, {"parameters", large}}) ==
               "parameters");
    array names;
    for (std::size_t i = 0; i <= limits::watches_per_call_max; ++i)
        names.emplace_back("shop/main");
    BOOST_TEST(wrong(tokens + "WatchTokens", {{"accounts", names}}) == "accounts");
    BOOST_TEST(wrong(admin + "GetStatus", {{"limit", limits::status_page_max + 1}}) == "limit");
    const object secrets{{"refresh_token", "rt_test_9"}};
    const auto add = [&](const object& attributes) {
        return wrong(admin + "AddAccount",
                     {{"account", "shop/new"}, {"secrets", secrets}, {"attributes", attributes}});
    };
    BOOST_TEST(add(strings(limits::attributes_max + 1, 1)) == "attributes");
    BOOST_TEST(add(strings(1, limits::attribute_bytes_max + 1)) == "attributes");
    const object huge{{"refresh_token", std::string(limits::secret_bytes_max + 1, 'r')}};
    BOOST_TEST(wrong(admin + "AddAccount", {{"account", "shop/new"}, {"secrets", huge}}) ==
               "secrets");
}

BOOST_AUTO_TEST_CASE(there_is_a_last_account) {
    BOOST_TEST(daemon::room_for_account(limits::accounts_max - 1).has_value());
    const auto full = daemon::room_for_account(limits::accounts_max);
    BOOST_REQUIRE(!full.has_value());
    BOOST_TEST(full.error().message == "there are 1000000 accounts already; remove some first");
}

BOOST_AUTO_TEST_CASE(an_account_keeps_so_many_tokens_on_demand) {
    Bench bench;
    bench.client("mint", "test-minted");
    bench.account("mint/app", "test-minted");
    bench.https.latency = Millis{4'000};
    bench.https.answer = [&](const Sent&) { return bench.https.reply(503, "{}"); };
    bench.begin();
    std::vector<std::shared_ptr<sim::Wire>> wires;
    for (std::size_t i = 0; i < limits::on_demand_entries_max; ++i)
        wires.push_back(bench.send(
            tokens + "GetToken",
            {{"account", "mint/app"}, {"parameters", {{"user_id", fmt::format("u{}", i)}}}},
            i % 2 == 0 ? 0 : 1000));
    const object one_more{{"account", "mint/app"}, {"parameters", {{"user_id", "one-more"}}}};
    BOOST_TEST(bench.call(tokens + "GetToken", one_more).error == too_many);
    for (const auto& wire : wires)
        sim::caller_close(wire);
}

BOOST_FIXTURE_TEST_CASE(an_exchange_has_a_deadline_that_its_token_clamps, Shop) {
    https.lifetime_s = 1;
    config.clients["shop"].policy = providers::Policy::ahead;
    begin();
    pass(Millis{3'000});
    BOOST_REQUIRE(https.sent.size() >= 2U);
    BOOST_TEST(https.sent.at(0).timeout.count() == limits::exchange_timeout_ms.count());
    BOOST_TEST(https.sent.at(1).timeout.count() == limits::exchange_timeout_min_ms.count());
}

BOOST_FIXTURE_TEST_CASE(the_loop_looks_at_the_clocks_at_least_this_often, Shop) {
    config.clients["shop"].policy = providers::Policy::on_demand;  // nothing else is due
    disk.rows.begin()->second.record.grant_expires_at = clock.wall() + Millis{14 * 86'400'000LL};
    begin();
    pass(Millis{3'600'000});
    BOOST_REQUIRE(https.sent.empty());
    clock.step_wall(Millis{11 * 86'400'000LL});  // the grant is now past 0.7 of its life
    pass(limits::sleep_max_ms + Millis{1'000});
    BOOST_TEST(https.sent.size() == 1U);
}

BOOST_AUTO_TEST_CASE(exchanges_are_capped_for_an_origin_and_for_all) {
    Bench bench;
    for (int c = 0; c < 20; ++c) {
        const std::string name = fmt::format("c{}", c);
        bench.client(name, "webroot");
        for (int n = 0; n < 20; ++n)
            bench.account(fmt::format("{}/a{}", name, n), "webroot");
    }
    bench.begin();
    bench.pass(Millis{5});
    std::map<std::string, int> by_origin;
    for (const Sent& one : bench.https.sent)
        ++by_origin[one.origin];
    for (const auto& [origin, count] : by_origin)
        BOOST_TEST(count <= limits::exchanges_per_origin_default);
    BOOST_TEST(bench.https.in_flight_most == limits::exchanges_default);
    bench.pass(Millis{5'000});
    BOOST_TEST(bench.https.sent.size() == 400U);  // and everybody had a turn
    BOOST_TEST(bench.https.in_flight_most == limits::exchanges_default);
}

BOOST_FIXTURE_TEST_CASE(a_misconfiguration_is_probed_slowly, Shop) {
    https.answer = [&](const Sent&) { return https.reply(401, R"({"error":"invalid_client"})"); };
    begin();
    pass(limits::slow_probe_ms - Millis{60'000});
    BOOST_TEST(https.sent.size() == 1U);
    const auto reply = call(tokens + "GetToken", {{"account", "shop/main"}});
    BOOST_TEST(reply.error == tokens + "Misconfigured");
    BOOST_TEST(https.sent.size() == 1U);
    https.answer = nullptr;
    pass(Millis{120'000});
    BOOST_TEST(https.sent.size() == 2U);
    BOOST_TEST(call(tokens + "GetToken", {{"account", "shop/main"}}).error == "");
}

BOOST_FIXTURE_TEST_CASE(reports_of_rejected_tokens_have_a_budget, Shop) {
    begin();
    pass(Millis{100});
    const auto report = [&](uid_t uid) {
        const auto generation = find("shop/main").slot.generation;
        const auto reply = call(tokens + "ReportRejected",
                                {{"account", "shop/main"}, {"generation", generation}}, uid);
        pass(Millis{100});
        return reply.error;
    };
    for (int i = 0; i < limits::reports_per_caller_per_minute_max; ++i)
        BOOST_TEST(report(1000) == "");
    BOOST_TEST(report(1000) == too_many);
    for (int i = limits::reports_per_caller_per_minute_max;
         i < limits::reports_per_account_per_minute_max; ++i)
        BOOST_TEST(report(0) == "");
    BOOST_TEST(report(0) == too_many);
    pass(Millis{61'000});
    BOOST_TEST(report(1000) == "");
}

BOOST_AUTO_TEST_CASE(refusals_are_logged_once_and_the_list_of_them_is_bounded) {
    Bench bench;
    bench.client("tk", "threekit");
    const int accounts = static_cast<int>(limits::refusals_logged_max) + 1;
    for (int n = 0; n < accounts; ++n)
        bench.account(fmt::format("tk/a{}", n), "threekit");
    bench.begin();
    const auto ask = [&](int n) {
        return bench.call(tokens + "GetToken", {{"account", fmt::format("tk/a{}", n)}}, 2000).error;
    };
    const auto logged = [&] {
        std::size_t count = 0;
        for (const auto& [level, line] : bench.log.lines())
            if (line.find("tk/a0: refused to uid 2000") == 0) ++count;
        return count;
    };
    BOOST_TEST(ask(0) == tokens + "UnknownAccount");
    ask(0);
    BOOST_TEST(logged() == 1U);
    for (int n = 1; n < accounts; ++n)
        ask(n);
    ask(0);  // the list was full and started anew
    BOOST_TEST(logged() == 2U);
}
