// Every kind of change: what it does, what is there after a restart, and each of its errors.
#define BOOST_TEST_MODULE storage
#include "base/limits.hpp"
#include "fixture.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

BOOST_FIXTURE_TEST_CASE(an_account_is_there_after_a_restart, World) {
    start();
    BOOST_TEST(accounts.empty());
    AddAccount add_it;
    add_it.account.name = "shop/main";
    add_it.account.provider = "webroot";
    add_it.account.attributes = {{"user", "alice"}, {"", std::string("a\0b", 3)}};
    add_it.account.paused = true;
    add_it.account.state = GrantState::misconfigured;
    add_it.account.reason = "wrong scope";
    add_it.account.grant_obtained_at = wall_from_ms(1'000);
    add_it.account.grant_expires_at = wall_from_ms(2'000);
    add_it.account.last_used = wall_from_ms(3'000);
    add_it.account.token = token(7, "at_test_7");
    add_it.grant = grant("rt_test_first");
    const Committed done = must(std::move(add_it));
    BOOST_TEST(done.account > 0);
    BOOST_TEST(done.grant_version == 1U);
    BOOST_TEST(done.generation == 7U);
    BOOST_TEST(done.grant_fingerprint.size() == 16U);

    restart();
    BOOST_REQUIRE(accounts.size() == 1U);
    const AccountRecord& r = accounts.at(done.account);
    BOOST_TEST(r.name == "shop/main");
    BOOST_TEST(r.provider == "webroot");
    BOOST_TEST((r.attributes == Attributes{{"user", "alice"}, {"", std::string("a\0b", 3)}}));
    BOOST_TEST(r.paused);
    BOOST_TEST((r.state == GrantState::misconfigured));
    BOOST_TEST(r.reason == "wrong scope");
    BOOST_TEST(r.grant_version == 1U);
    BOOST_TEST(r.grant_fingerprint == done.grant_fingerprint);
    BOOST_TEST((r.grant_obtained_at == wall_from_ms(1'000)));
    BOOST_TEST((r.grant_expires_at == wall_from_ms(2'000)));
    BOOST_TEST((r.last_used == wall_from_ms(3'000)));
    BOOST_TEST(!r.intent.has_value());
    BOOST_TEST(!r.candidate_for.has_value());
    BOOST_REQUIRE(r.token.has_value());
    const TokenRecord expected = token(7, "at_test_7");
    BOOST_TEST(r.token->generation == 7U);
    BOOST_TEST(r.token->access_token.view() == "at_test_7");
    BOOST_TEST(r.token->header_name == expected.header_name);
    BOOST_TEST(r.token->header_prefix == expected.header_prefix);
    BOOST_TEST(r.token->query_name.empty());
    BOOST_TEST(r.token->scopes == expected.scopes);
    BOOST_TEST((r.token->attributes == expected.attributes));
    BOOST_TEST((r.token->sent_at == expected.sent_at));
    BOOST_TEST(r.token->boot_id == expected.boot_id);
    BOOST_TEST((r.token->sent_wall == expected.sent_wall));
    BOOST_TEST((r.token->lifetime == expected.lifetime));
    BOOST_TEST(r.token->renew_fraction == expected.renew_fraction);
    BOOST_TEST(opened(done.account) == "rt_test_first");
    BOOST_TEST(opened(4711) == "not_found");
}

BOOST_FIXTURE_TEST_CASE(names_are_unique_and_ids_never_come_again, World) {
    start();
    const AccountId first = add("shop/main");
    AddAccount twice;
    twice.account.name = "shop/main";
    twice.grant = grant("rt_test_other");
    BOOST_TEST(fails(std::move(twice)) == errc::account_exists);
    BOOST_TEST(message.find("shop/main") != std::string::npos);
    BOOST_TEST(opened(first) == "rt_test_first");
    must(RemoveAccount{first});
    restart();
    BOOST_TEST(accounts.empty());
    BOOST_TEST(add("shop/main") > first);
    AddAccount nameless;
    BOOST_TEST(fails(std::move(nameless)) == errc::invalid_parameter);
}

BOOST_FIXTURE_TEST_CASE(an_intent_is_open_until_the_renewal, World) {
    start();
    const AccountId id = add("shop/main");
    BOOST_TEST(must(intend(id, 1, 500)).attempts == 1);
    BOOST_TEST(must(intend(id, 1, 900)).attempts == 2);
    BOOST_TEST(fails(intend(id, 2, 900)) == errc::superseded);
    BOOST_TEST(fails(intend(99, 1, 900)) == errc::not_found);

    store.reset();  // no close(): as after a crash
    start();
    BOOST_REQUIRE(accounts.at(id).intent.has_value());
    BOOST_TEST(accounts.at(id).intent->attempts == 2);
    BOOST_TEST((accounts.at(id).intent->at == wall_from_ms(500)));
    BOOST_TEST(accounts.at(id).intent->fingerprint == accounts.at(id).grant_fingerprint);

    const Committed done = must(renewed(id, 1, 1, "rt_test_second", "at_test_1"));
    BOOST_TEST(done.grant_version == 2U);
    BOOST_TEST(done.attempts == 0);
    BOOST_TEST(done.generation == 1U);
    restart();
    BOOST_TEST(!accounts.at(id).intent.has_value());
    BOOST_TEST(accounts.at(id).grant_fingerprint == done.grant_fingerprint);
    BOOST_TEST(opened(id) == "rt_test_second");
}

BOOST_FIXTURE_TEST_CASE(a_renewal_heals_and_a_newer_grant_supersedes_it, World) {
    start();
    const AccountId id = add("shop/main");
    must(set_state(id, 1, GrantState::outcome_unknown, "the reply was lost"));
    must(renewed(id, 1, 1, "rt_test_second", "at_test_1"));
    auto late = std::make_shared<Change>(renewed(id, 1, 9, "rt_test_wrong", "at_test_9"));
    const auto answer = ask(store->commit(late));
    BOOST_REQUIRE(!answer);
    BOOST_TEST(answer.error().code == errc::superseded);
    BOOST_TEST(text(*std::get<Renewed>(*late).new_grant) == "rt_test_wrong");  // left whole
    BOOST_TEST(fails(renewed(77, 1, 1, "rt_test_x", "at_test_x")) == errc::not_found);

    // Without rotation the grant, its version and its dates stay.
    const Committed same = must(renewed(id, 2, 2, "", "at_test_2"));
    BOOST_TEST(same.grant_version == 2U);
    restart();
    const AccountRecord& r = accounts.at(id);
    BOOST_TEST((r.state == GrantState::good));
    BOOST_TEST(r.reason.empty());
    BOOST_TEST(r.grant_version == 2U);
    BOOST_TEST((r.grant_obtained_at == wall_from_ms(2'000)));
    BOOST_TEST(!r.grant_expires_at.has_value());
    BOOST_TEST(r.generation == 2U);
    BOOST_REQUIRE(r.token.has_value());
    BOOST_TEST(r.token->access_token.view() == "at_test_2");
    BOOST_TEST(opened(id) == "rt_test_second");
}

BOOST_FIXTURE_TEST_CASE(a_refused_grant_is_kept_and_can_come_back, World) {
    start();
    const AccountId id = add("shop/main");
    must(intend(id, 1, 500));
    SetState refuse = set_state(id, 1, GrantState::login_required, "invalid_grant");
    refuse.retire_grant = true;
    refuse.clear_intent = true;
    must(std::move(refuse));
    BOOST_TEST(fails(set_state(id, 7, GrantState::good, "")) == errc::superseded);
    BOOST_TEST(fails(set_state(99, 1, GrantState::good, "")) == errc::not_found);
    restart();
    BOOST_TEST((accounts.at(id).state == GrantState::login_required));
    BOOST_TEST(accounts.at(id).reason == "invalid_grant");
    BOOST_TEST(!accounts.at(id).intent.has_value());

    const auto back = ask(store->restore_retired(id));
    BOOST_REQUIRE(back);
    BOOST_TEST(back->grant_version == 2U);
    BOOST_TEST(opened(id) == "rt_test_first");
    const auto again = ask(store->restore_retired(id));  // it was one and the same grant
    BOOST_REQUIRE(!again);
    BOOST_TEST(again.error().code == errc::not_found);
    BOOST_TEST(ask(store->restore_retired(99)).error().code == errc::not_found);
    restart();
    BOOST_TEST((accounts.at(id).state == GrantState::good));
}

BOOST_FIXTURE_TEST_CASE(a_dropped_grant_goes_with_its_token_and_leaves_its_reason, World) {
    start();
    const AccountId id = add("shop/main");
    must(renewed(id, 1, 5, "rt_test_two", "at_test_5"));
    must(intend(id, 2, 1));
    SetState drop = set_state(id, 2, GrantState::login_required, "revoked");
    drop.clear_intent = true;
    drop.drop_grant = true;
    BOOST_TEST(must(drop).grant_version == 3U);
    BOOST_TEST(fails(std::move(drop)) == errc::superseded);  // never twice
    restart();
    const AccountRecord& r = accounts.at(id);
    BOOST_TEST((r.state == GrantState::login_required));
    BOOST_TEST(r.reason == "revoked");
    BOOST_TEST(!r.intent.has_value());
    BOOST_TEST(!r.token.has_value());
    BOOST_TEST(r.generation == 5U);  // counts on
    BOOST_TEST(opened(id) == "(none)");
}

BOOST_FIXTURE_TEST_CASE(the_newest_retired_grant_comes_back_and_no_other_is_lost, World) {
    start();
    const AccountId id = add("shop/main", "rt_test_one");
    SetState refuse = set_state(id, 1, GrantState::login_required, "refused");
    refuse.retire_grant = true;
    must(refuse);
    must(refuse);  // kept once
    ReplaceGrant two;
    two.account = id;
    two.grant = grant("rt_test_two");
    must(std::move(two));
    refuse.grant_version = 2;
    must(refuse);
    ReplaceGrant three;
    three.account = id;
    three.grant = grant("rt_test_three");
    must(std::move(three));
    restart();
    BOOST_REQUIRE(ask(store->restore_retired(id)));
    BOOST_TEST(opened(id) == "rt_test_two");
    BOOST_REQUIRE(ask(store->restore_retired(id)));
    BOOST_TEST(opened(id) == "rt_test_three");
    restart();
    BOOST_TEST(opened(id) == "rt_test_three");
}

BOOST_FIXTURE_TEST_CASE(retired_grants_go_after_thirty_days, World) {
    start();
    const AccountId id = add("shop/main");
    SetState refuse = set_state(id, 1, GrantState::login_required, "refused");
    refuse.retire_grant = true;
    must(refuse);
    static_assert(limits::retired_grants_kept_ms == std::chrono::hours(24 * 30));  // as we log it
    wall += limits::retired_grants_kept_ms - 1ms;
    restart();
    BOOST_TEST(!log.contains("retired"));
    wall += 1ms;
    restart();
    BOOST_TEST(log.contains("1 retired grants"));
    BOOST_TEST(ask(store->restore_retired(id)).error().code == errc::not_found);
    restart();  // and the head record agrees
    BOOST_TEST(opened(id) == "rt_test_first");
}

BOOST_FIXTURE_TEST_CASE(a_pause_and_a_last_use_are_kept, World) {
    start();
    const AccountId id = add("shop/main");
    const Committed done = must(SetPaused{id, true});
    BOOST_TEST(done.account == id);
    BOOST_TEST(done.grant_version == 1U);
    BOOST_TEST(done.grant_fingerprint.size() == 16U);
    BOOST_TEST(fails(SetPaused{99, true}) == errc::not_found);
    must(Touch{{{id, wall_from_ms(42)}, {99, wall_from_ms(43)}}});
    must(Touch{{{id, wall_from_ms(44)}}});
    restart();
    BOOST_TEST(accounts.at(id).paused);
    BOOST_TEST((accounts.at(id).last_used == wall_from_ms(44)));
    must(RemoveAccount{id});
    restart();
    BOOST_TEST(accounts.empty());
}

BOOST_FIXTURE_TEST_CASE(a_replaced_grant_is_a_new_version, World) {
    start();
    const AccountId id = add("shop/main");
    must(renewed(id, 1, 5, "", "at_test_5"));
    must(intend(id, 1, 1));
    ReplaceGrant change;
    change.account = id;
    change.grant = grant("rt_test_login");
    change.grant_obtained_at = wall_from_ms(77);
    change.grant_expires_at = wall_from_ms(88);
    change.attributes = {{"user", "bob"}};
    change.token = token(6, "at_test_6");
    const Committed done = must(std::move(change));
    BOOST_TEST(done.grant_version == 2U);
    BOOST_TEST(done.attempts == 0);
    restart();
    const AccountRecord& r = accounts.at(id);
    BOOST_TEST((r.attributes == Attributes{{"user", "bob"}}));
    BOOST_TEST((r.grant_obtained_at == wall_from_ms(77)));
    BOOST_TEST((r.grant_expires_at == wall_from_ms(88)));
    BOOST_TEST(r.token->access_token.view() == "at_test_6");
    BOOST_TEST(opened(id) == "rt_test_login");

    ReplaceGrant bare;
    bare.account = id;
    bare.grant = grant("rt_test_next");
    must(std::move(bare));
    ReplaceGrant nobody;
    nobody.account = 99;
    BOOST_TEST(fails(std::move(nobody)) == errc::not_found);
    restart();
    BOOST_TEST(!accounts.at(id).token.has_value());
    BOOST_TEST(accounts.at(id).generation == 6U);  // counts on
}
