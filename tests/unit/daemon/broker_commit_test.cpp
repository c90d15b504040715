// What the broker does with an answer that the store can't take.
#include <boost/test/unit_test.hpp>

#include "tests/unit/daemon/webroot_shop.hpp"

using namespace tb;
using namespace tb::test;

BOOST_AUTO_TEST_SUITE(broker_commit)

BOOST_FIXTURE_TEST_CASE(a_failed_commit_keeps_the_successor_and_spends_nothing, WebrootShop) {
    begin();
    BOOST_TEST(get() == "at_test_1");
    https.answer = [&](const Sent&) {
        store->set_down(true);  // the answer is on its way, and the disk is full
        return https.success();
    };
    pass(Millis{400'000});
    const std::size_t sent = https.sent.size();
    BOOST_TEST(sent == 2U);
    BOOST_TEST(find("shop/main").commit_pending);
    BOOST_TEST(app->broker().alarms().size() == 1U);
    https.answer = nullptr;
    store->set_down(false);
    pass(Millis{31'000});
    BOOST_TEST(!find("shop/main").commit_pending);
    BOOST_TEST(disk.rows.begin()->second.grant.find("refresh_token")->view() != "rt_test_1");
}

BOOST_FIXTURE_TEST_CASE(a_failed_commit_is_tried_again_after_a_while_each_time_longer,
                        WebrootShop) {
    begin();
    https.answer = [&](const Sent&) {
        store->set_down(true);
        return https.success();
    };
    app->broker().kick(app->accounts().share("shop/main"), Millis{10'000}, [](const auto&) {});
    const auto tries_after = [&](std::int64_t ms) {
        pass(Millis{ms});
        return checker.counts.failed_commits;
    };
    BOOST_TEST(tries_after(200) == 1U);
    BOOST_TEST(tries_after(100) == 2U);  // 250 ms after the first
    BOOST_TEST(tries_after(400) == 2U);
    BOOST_TEST(tries_after(200) == 3U);  // 500 ms after the second
    store->set_down(false);
    pass(Millis{31'000});
    BOOST_TEST(!find("shop/main").commit_pending);
}

BOOST_FIXTURE_TEST_CASE(who_is_told_of_a_failed_commit_finds_the_alarm, WebrootShop) {
    begin();
    https.answer = [&](const Sent&) {
        store->set_down(true);
        return https.success();
    };
    std::size_t alarms = 0;  // in the very moment of the answer
    app->broker().kick(
        app->accounts().share("shop/main"), Millis{10'000},
        [&](const Result<const daemon::Slot*>&) { alarms = app->broker().alarms().size(); });
    pass(Millis{1'000});
    BOOST_TEST(alarms == 1U);
    store->set_down(false);
    pass(Millis{31'000});
    BOOST_TEST(app->broker().alarms().empty());
}

BOOST_AUTO_TEST_SUITE_END()
