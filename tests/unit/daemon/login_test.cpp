// Logins and revocations through the whole daemon on virtual time: what is shown, what is sent,
// what becomes of the account, and that a grant which the provider gave is never dropped.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "providers/login.hpp"
#include "tests/unit/daemon/shop_bench.hpp"

using namespace tb;
using namespace tb::test;

namespace {

BOOST_FIXTURE_TEST_CASE(a_login_by_browser_enrols_an_account, Shop) {
    begin();
    const auto wire = begin_login("code");
    const object show = shown(wire);
    BOOST_TEST(show.at("flow") == "code");
    const std::string url(show.at("url").as_string());
    BOOST_TEST(url.starts_with("https://shop.test/authorize?"));
    BOOST_TEST(url.find("code_challenge_method=S256") != std::string::npos);
    BOOST_TEST(https.sent.empty());
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    pass(Millis{1'000});
    const auto last = taken(wire);
    BOOST_REQUIRE(last.has_value());
    BOOST_TEST(last->error == "");
    BOOST_TEST(last->parameters.at("account").at("state") == "fresh");
    BOOST_REQUIRE(https.sent.size() == 1U);
    BOOST_TEST(https.sent[0].body.find("grant_type=authorization_code") != std::string::npos);
    BOOST_TEST(https.sent[0].body.find("code_verifier=") != std::string::npos);
    BOOST_TEST(token() == "at_test_1");
    BOOST_TEST(grant() == "rt_new_1");
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == admin + "Refused");
}

BOOST_FIXTURE_TEST_CASE(a_forged_redirect_and_a_refusal_change_nothing, Shop) {
    begin();
    for (const char* query :
         {"code=evil&state=wrong", "code=evil", "error=access_denied&state=S"}) {
        const auto wire = begin_login("code");
        const object show = shown(wire);
        std::string sent = query;
        if (sent.ends_with("=S")) sent.replace(sent.size() - 1, 1, state_of(show));
        BOOST_TEST(finish(show, sent) == "");
        pass(Millis{10});
        const auto last = taken(wire);
        BOOST_REQUIRE(last.has_value());
        BOOST_TEST(last->error == admin + "RenewalFailed");
        const std::string reason(last->parameters.at("reason").as_string());
        BOOST_TEST(reason.find("nothing was changed") != std::string::npos);
        const bool advised = reason.find("run: tokenbroker login shop/main") != std::string::npos;
        BOOST_TEST(advised == sent.starts_with("error"));  // the person can only log in once more
    }
    BOOST_TEST(https.sent.empty());
    BOOST_TEST(disk.rows.empty());
}

BOOST_FIXTURE_TEST_CASE(a_device_login_polls_at_its_interval, Shop) {
    polls_pending = 3;
    begin();
    const auto wire = begin_login("device");
    pass(Millis{100});
    const object show = shown(wire);
    BOOST_TEST(show.at("user_code") == "ABCD-EFGH");
    BOOST_TEST(!show.contains("device_code"));
    pass(Millis{30'000});
    const auto last = taken(wire);
    BOOST_REQUIRE(last.has_value());
    BOOST_TEST(last->error == "");
    BOOST_REQUIRE(https.sent.size() == 5U);
    for (std::size_t i = 1; i < https.sent.size(); ++i)
        BOOST_TEST((https.sent[i].at - https.sent[i - 1].at).count() >= 5'000);
    BOOST_TEST(token() == "at_test_1");
}

BOOST_FIXTURE_TEST_CASE(who_hangs_up_gives_up, Shop) {
    polls_pending = 1'000;
    begin();
    const auto wire = begin_login("device");
    pass(Millis{20'000});
    const std::size_t polls = https.sent.size();
    BOOST_TEST(polls > 2U);
    sim::caller_close(wire);
    pass(Millis{100'000});
    BOOST_TEST(https.sent.size() <= polls + 1);
    const auto code = begin_login("code");
    const object show = shown(code);
    sim::caller_close(code);
    settle();
    BOOST_TEST(finish(show, "code=c&state=" + state_of(show)) == admin + "Refused");
    BOOST_TEST(disk.rows.empty());
}

BOOST_FIXTURE_TEST_CASE(nobody_approves_in_time, Shop) {
    begin();
    const auto wire = begin_login("code");
    (void)shown(wire);
    pass(::tb::limits::login_ms_max + Millis{1'000});
    const auto last = taken(wire);
    BOOST_REQUIRE(last.has_value());
    BOOST_TEST(last->error == admin + "RenewalFailed");
    BOOST_TEST(disk.rows.empty());
}

BOOST_FIXTURE_TEST_CASE(a_login_heals_an_account_that_needs_one, Shop) {
    account("shop/main", "oauth2");
    https.answer = [this](const Sent&) { return https.reply(400, R"({"error":"invalid_grant"})"); };
    begin();
    pass(Millis{10'000});
    BOOST_TEST(token() == "LoginRequired");
    BOOST_TEST(find("shop/main").reason.find("run: tokenbroker login shop/main") !=
               std::string::npos);
    https.answer = [this](const Sent& asked) { return answer(asked); };
    const auto wire = begin_login("code");
    const object show = shown(wire);
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    pass(Millis{1'000});
    BOOST_TEST(token() == "at_test_1");
}

BOOST_FIXTURE_TEST_CASE(a_revoked_grant_serves_nobody, Shop) {
    account("shop/main", "oauth2");
    begin();
    BOOST_TEST(token() == "at_test_1");
    revoked_status = 503;
    BOOST_TEST(call(admin + "RevokeAccount", {{"account", "shop/main"}}).error ==
               admin + "RenewalFailed");
    BOOST_TEST(token() == "at_test_1");
    revoked_status = 200;
    BOOST_TEST(call(admin + "RevokeAccount", {{"account", "shop/main"}}).error == "");
    BOOST_TEST(https.sent.back().body.find("rt_new_1") != std::string::npos);
    BOOST_TEST(token() == "LoginRequired");
    BOOST_TEST(grant() == "");
    pass(Millis{10'000'000});
    BOOST_TEST(https.sent.back().target == "/revoke");  // nothing is sent for it any more
}

BOOST_FIXTURE_TEST_CASE(a_revocation_that_cannot_be_stored_is_stored_later, Shop) {
    account("shop/main", "oauth2");
    begin();
    BOOST_TEST(token() == "at_test_1");
    https.answer = [this](const Sent& asked) {
        if (asked.target == "/revoke") store->set_full(true);  // between the two
        return answer(asked);
    };
    BOOST_TEST(call(admin + "RevokeAccount", {{"account", "shop/main"}}).error == "");
    BOOST_TEST(token() == "LoginRequired");
    BOOST_TEST(grant() == "rt_new_1");
    store->set_full(false);
    pass(Millis{5'000});
    BOOST_TEST(grant() == "");
    const storage::AccountRecord& kept = disk.rows.begin()->second.record;
    BOOST_TEST((kept.state == storage::GrantState::login_required));
    BOOST_TEST(kept.reason.find("revoked by an operator") != std::string::npos);
    BOOST_TEST(!kept.token.has_value());
    // What a login brings is of a newer version than what was stored late.
    const auto wire = begin_login("code");
    const object show = shown(wire);
    BOOST_TEST(finish(show, "code=c0de&state=" + state_of(show)) == "");
    pass(Millis{10'000});
    BOOST_TEST(grant() == "rt_new_2");
    BOOST_TEST(token() == "at_test_2");
}

BOOST_FIXTURE_TEST_CASE(a_removed_account_gives_its_grant_back, Shop) {
    account("shop/main", "oauth2");
    begin();
    BOOST_TEST(token() == "at_test_1");
    BOOST_TEST(call(admin + "RemoveAccount", {{"account", "shop/main"}}).error == "");
    pass(Millis{1'000});
    BOOST_TEST(https.sent.back().target == "/revoke");
    BOOST_TEST(https.sent.back().body.find("rt_new_1") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(whoever_pastes_a_rotating_grant_is_warned_that_the_other_program_loses_it,
                        Shop) {
    begin();
    const auto added = call(admin + "AddAccount", {{"account", "shop/main"},
                                                   {"secrets", {{"refresh_token", "rt_test_0"}}}});
    BOOST_TEST(added.error == "");
    const std::string notices = boost::json::serialize(added.parameters.at("notices"));
    BOOST_TEST(notices.find("copied from loses it now") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(what_a_login_must_not_be_asked, Shop) {
    (void)client("models", "threekit");
    begin();
    const auto error = [&](object parameters) {
        const auto wire = send(admin + "Login", std::move(parameters), 0, true);
        return taken(wire).value().error;
    };
    BOOST_TEST(error({{"account", "shop/main"}, {"redirect_uri", "https://evil.test/cb"}}) ==
               "org.varlink.service.InvalidParameter");
    BOOST_TEST(error({{"account", "shop/main"}, {"flows", {"password"}}}) == admin + "Refused");
    BOOST_TEST(error({{"account", "models/cdn"}}) == admin + "Refused");
    BOOST_TEST(error({{"account", "nosuch/main"}}) == admin + "UnknownClient");
    BOOST_TEST(error({{"account", "shop/main"}, {"attributes", {{"entity-id", "1"}}}}) ==
               admin + "Refused");
    BOOST_TEST(call(admin + "Login", {{"account", "shop/main"}}).error ==
               "org.varlink.service.ExpectedMore");
    BOOST_TEST(call(admin + "Login", {{"account", "shop/main"}}, 1000).error ==
               "org.varlink.service.PermissionDenied");
    std::vector<std::shared_ptr<sim::Wire>> people;
    for (std::size_t i = 0; i < ::tb::limits::logins_max; ++i)
        people.push_back(begin_login("code"));
    BOOST_TEST(error({{"account", "shop/main"}, {"redirect_uri", "http://127.0.0.1:1/"}}) ==
               admin + "Refused");
    BOOST_TEST(call(admin + "FinishLogin",
                    {{"login", "x"},
                     {"query", std::string(::tb::limits::redirect_query_bytes_max + 1, 'x')}})
                   .error == "org.varlink.service.InvalidParameter");
}

}  // namespace
