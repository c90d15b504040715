// A daemon that ended within the proof of a new grant: what the provider gave is never dropped.
#include <boost/test/unit_test.hpp>

#include "tests/unit/daemon/bench.hpp"

namespace tb::test {
namespace {

struct Interrupted : Bench {
    Interrupted() {
        client("shop", "webroot");
        account("shop/main", "webroot");
        old_token(disk.rows.begin()->second, "at_test_old");
    }
    void old_token(sim::Row& row, const char* value) {
        storage::TokenRecord token;
        token.generation = row.record.generation = 3;
        token.access_token = Secret(value);
        token.header_name = "Authorization";
        token.header_prefix = "Bearer ";
        token.sent_at = clock.now();
        token.boot_id = clock.boot_id();
        token.sent_wall = clock.wall();
        token.lifetime = Millis{299'000};
        row.record.token = std::move(token);
    }
    // Of shop/main, as the store has it.
    sim::Row& candidate() {
        sim::Row row;
        row.record = disk.rows.begin()->second.record.copy();
        row.record.candidate_for = row.record.id;
        row.record.id = disk.next_id++;
        row.record.token.reset();
        row.grant.set("refresh_token", Secret("rt_test_new"));
        return disk.rows.emplace(row.record.id, std::move(row)).first->second;
    }
    std::string token() {
        const auto got = call(tokens + "GetToken", {{"account", "shop/main"}});
        BOOST_REQUIRE(got.error == "");
        return std::string(got.parameters.at("token").at("token").as_string());
    }
    std::string grant() {
        BOOST_REQUIRE(disk.rows.size() == 1U);
        return std::string(disk.rows.begin()->second.grant.find("refresh_token")->view());
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(candidate)

// Killed between the commit of the candidate's success and the one that puts it in place.
BOOST_FIXTURE_TEST_CASE(one_that_had_proved_itself_takes_its_place, Interrupted) {
    sim::Row& row = candidate();
    row.record.grant_version = 2;
    old_token(row, "at_test_new");
    row.record.generation = row.record.token->generation = 4;
    begin();
    BOOST_TEST(token() == "at_test_new");
    BOOST_TEST(grant() == "rt_test_new");
    BOOST_TEST(https.sent.empty());
    BOOST_TEST(call(admin + "RenewAccount", {{"account", "shop/main"}}).error == "");
    BOOST_TEST(https.sent.back().body.find("rt_test_new") != std::string::npos);
}

// The simulation's seed 330400: a watcher was told of generation 379 after 380.
BOOST_FIXTURE_TEST_CASE(one_is_newer_than_what_its_account_got_meanwhile, Interrupted) {
    sim::Row& row = candidate();
    row.record.grant_version = 2;
    old_token(row, "at_test_new");
    row.record.generation = row.record.token->generation = 9;
    disk.rows.begin()->second.record.generation = 10;
    begin();
    const auto got = call(tokens + "GetToken", {{"account", "shop/main"}});
    BOOST_REQUIRE(got.error == "");
    const boost::json::object& token = got.parameters.at("token").as_object();
    BOOST_TEST(token.at("token").as_string() == "at_test_new");
    BOOST_TEST(token.at("generation").to_number<int>() == 11);  // one digit more than it had
    BOOST_TEST(token.at("remaining_ms").to_number<int>() > 0);
    BOOST_TEST(disk.rows.begin()->second.record.token->generation == 11U);
    BOOST_TEST(call(admin + "RenewAccount", {{"account", "shop/main"}}).error == "");
    BOOST_TEST(find("shop/main").slot.generation == 12U);
}

BOOST_FIXTURE_TEST_CASE(one_that_was_exchanged_without_a_token_is_tried, Interrupted) {
    candidate().record.grant_version = 2;
    begin();
    pass(1'000ms);
    BOOST_REQUIRE(https.sent.size() == 1U);
    BOOST_TEST(https.sent.back().body.find("rt_test_new") != std::string::npos);
    BOOST_TEST(token() == "at_test_1");
    BOOST_TEST(grant() == "rt_test_1");
}

BOOST_FIXTURE_TEST_CASE(one_that_was_never_sent_is_dropped, Interrupted) {
    (void)candidate();
    begin();
    pass(1'000ms);
    BOOST_TEST(https.sent.empty());
    BOOST_TEST(token() == "at_test_old");
    BOOST_TEST(grant() == "rt_test_0");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::test
