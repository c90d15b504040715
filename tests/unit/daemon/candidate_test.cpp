// A daemon that ended within the proof of a new grant: what the provider gave is never dropped.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "base/limits.hpp"
#include "tests/unit/daemon/webroot_shop.hpp"

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

// What it got beside its successor could not be used: it stands for a generation only.
BOOST_FIXTURE_TEST_CASE(one_that_holds_a_dead_token_has_not_proved_itself, Interrupted) {
    sim::Row& row = candidate();
    row.record.grant_version = 2;
    old_token(row, "-");
    row.record.generation = row.record.token->generation = 4;
    row.record.token->lifetime = Millis{0};
    begin();
    BOOST_TEST(token() == "at_test_old");
    pass(1'000ms);
    BOOST_REQUIRE(https.sent.size() == 1U);
    BOOST_TEST(https.sent.back().body.find("rt_test_new") != std::string::npos);
    BOOST_TEST(token() == "at_test_1");
}

// Nobody reads the account, which is renewed for readers only; its candidate is tried all the same.
BOOST_FIXTURE_TEST_CASE(one_is_tried_whatever_the_policy, Interrupted) {
    config.clients.at("shop").policy = providers::Policy::when_used;
    candidate().record.grant_version = 2;
    begin();
    pass(1'000ms);
    BOOST_REQUIRE(https.sent.size() == 1U);
    BOOST_TEST(https.sent.back().body.find("rt_test_new") != std::string::npos);
    BOOST_TEST(grant() == "rt_test_1");
}

// Its answers are lost; then the section moves to another host.
BOOST_FIXTURE_TEST_CASE(one_that_still_proves_itself_goes_over_with_a_reload, Interrupted) {
    candidate().record.grant_version = 2;
    const http::Failure lost{FailureClass::ambiguous, true, "the answer was lost", "reset"};
    https.answer = [this, lost](const Sent& sent) -> http::Outcome {
        if (sent.origin == "https://shop.test") return lost;
        return https.success();
    };
    begin();
    pass(100ms);
    const std::size_t before = https.sent.size();
    BOOST_REQUIRE(before > 0U);
    BOOST_TEST(https.sent.back().body.find("rt_test_new") != std::string::npos);
    config.clients.at("shop").settings.base_url = "https://moved.test";
    BOOST_TEST(call(admin + "Reload", {}).error == "");
    pass(20'000ms);
    BOOST_REQUIRE(https.sent.size() > before);
    for (std::size_t i = before; i < https.sent.size(); ++i)
        BOOST_TEST(https.sent[i].origin == "https://moved.test");
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

namespace {

struct Replacing : WebrootShop {
    proto::Reply replace(const char* refresh_token) {
        return call(admin + "AddAccount", {{"account", "shop/main"},
                                           {"secrets", {{"refresh_token", refresh_token}}},
                                           {"replace", true},
                                           {"wait_ms", 1'000}});
    }
    std::string sent() const {
        const std::string& body = https.sent.back().body;
        const std::size_t from = body.find("rt_test_");
        return body.substr(from, body.find_first_of("&\"", from) - from);
    }
    boost::json::object status() {
        const auto got = call(admin + "GetStatus", {{"accounts", {"shop/main"}}});
        return got.parameters.at("accounts").as_array().at(0).as_object();
    }
};

}  // namespace

// The disk was full while it was refused; whoever comes with another finds nothing in the way.
BOOST_FIXTURE_TEST_CASE(one_that_could_not_be_removed_gives_way, Replacing) {
    begin();
    https.answer = [&](const Sent&) {
        store->set_down(true);
        return refused();
    };
    const auto no = replace("rt_test_bad");
    BOOST_TEST(no.error == admin + "RenewalFailed");
    BOOST_TEST(no.parameters.at("class").as_string() == "REAUTH");
    https.answer = nullptr;
    store->set_down(false);
    BOOST_TEST(disk.rows.size() == 2U);
    BOOST_TEST(!status().contains("replacement"));  // it is of the past
    BOOST_TEST(replace("rt_test_good").error == "");
    BOOST_TEST(sent() == "rt_test_good");
    BOOST_TEST(disk.rows.size() == 1U);
    pass(Millis{5'000});
    BOOST_TEST(status().at("state").as_string() == "fresh");
    BOOST_TEST(disk.rows.size() == 1U);
}

// And if nobody comes, it goes by itself.
BOOST_FIXTURE_TEST_CASE(one_that_could_not_be_removed_is_removed_later, Replacing) {
    begin();
    https.answer = [&](const Sent&) {
        store->set_down(true);
        return refused();
    };
    BOOST_TEST(replace("rt_test_bad").error == admin + "RenewalFailed");
    https.answer = nullptr;
    store->set_down(false);
    BOOST_TEST(disk.rows.size() == 2U);
    pass(Millis{5'000});
    BOOST_TEST(disk.rows.size() == 1U);
    BOOST_TEST(replace("rt_test_good").error == "");
}

// Its refresh token was exchanged, only the access token beside the new one can't be used.
BOOST_FIXTURE_TEST_CASE(one_that_was_exchanged_is_not_dropped, Replacing) {
    begin();
    BOOST_TEST(get() == "at_test_1");  // its own renewal is not the one below
    https.answer = [&](const Sent&) {
        return https.reply(200, R"({"access_token":"at test","token_type":"bearer",)"
                                R"("expires_in":299,"refresh_token":"rt_test_next"})");
    };
    BOOST_TEST(replace("rt_test_new").error == admin + "RenewalFailed");
    BOOST_TEST(sent() == "rt_test_new");
    BOOST_TEST(disk.rows.size() == 2U);
    const std::string why(status().at("replacement").as_string());
    BOOST_TEST(why != "");
    // The same paste once more would spend it a second time.
    const std::size_t before = https.sent.size();
    const auto again = replace("rt_test_new");
    BOOST_TEST(again.error == admin + "Refused");
    BOOST_TEST(again.parameters.at("reason").as_string().find("being tried already") !=
               std::string::npos);
    BOOST_TEST(https.sent.size() == before);
    https.answer = nullptr;
    pass(limits::slow_probe_ms + Millis{60'000});
    BOOST_TEST(disk.rows.size() == 1U);
    BOOST_TEST(status().at("state").as_string() == "fresh");
    BOOST_TEST(!status().contains("replacement"));
    const bool tried = std::any_of(https.sent.begin(), https.sent.end(), [](const Sent& one) {
        return one.body.find("rt_test_next") != std::string::npos;
    });
    BOOST_TEST(tried);
    BOOST_TEST(disk.rows.begin()->second.grant.find("refresh_token")->view() != "rt_test_next");
}

// Its answer was lost; then its provider doesn't know our client any more. Nothing is proved.
BOOST_FIXTURE_TEST_CASE(one_in_doubt_outlives_a_misconfiguration, Replacing) {
    begin();
    int asked = 0;
    https.answer = [&](const Sent&) {
        return ++asked == 1 ? lost() : https.reply(401, R"({"error":"invalid_client"})");
    };
    (void)replace("rt_test_new");
    pass(Millis{60'000});
    BOOST_TEST(asked > 1);
    BOOST_TEST(sent() == "rt_test_new");
    BOOST_TEST(disk.rows.size() == 2U);
    https.answer = nullptr;
    pass(limits::slow_probe_ms + Millis{60'000});
    BOOST_TEST(disk.rows.size() == 1U);
    BOOST_TEST(status().at("state").as_string() == "fresh");
}

// The account's own renewal would spend it as well.
BOOST_FIXTURE_TEST_CASE(one_with_the_grant_that_is_there_is_refused, Replacing) {
    begin();
    const auto no = replace("rt_test_0");
    BOOST_TEST(no.error == admin + "Refused");
    BOOST_TEST(no.parameters.at("reason").as_string().find("tokenbroker renew shop/main") !=
               std::string::npos);
    BOOST_TEST(disk.rows.size() == 1U);
    https.answer = [&](const Sent&) { return refused(); };
    pass(Millis{1'000});
    BOOST_TEST(status().at("state").as_string() == "login_required");
    https.answer = nullptr;
    BOOST_TEST(replace("rt_test_0").error == "");  // its provider thought better of it
}

// Its own account goes, while its answer is on the way: nobody has a use for what comes.
BOOST_FIXTURE_TEST_CASE(one_goes_with_its_account, Replacing) {
    begin();
    https.latency = Millis{500};
    const auto wire = send(admin + "AddAccount", {{"account", "shop/main"},
                                                  {"secrets", {{"refresh_token", "rt_test_new"}}},
                                                  {"replace", true}});
    pass(Millis{100});
    BOOST_TEST(call(admin + "RemoveAccount", {{"account", "shop/main"}}).error == "");
    pass(Millis{60'000});
    BOOST_TEST(disk.rows.empty());
    const auto told = taken(wire);
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST(told->parameters.at("reason").as_string() == "shop/main: was removed");
    BOOST_TEST(!log.contains("is tried again"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::test
