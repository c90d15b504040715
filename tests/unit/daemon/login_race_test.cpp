// A login against what else happens to its account: what the provider acknowledged is kept, or
// given back where nobody will use it.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

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
