// Whole accounts come, take another's place and go; and the secrets of clients.
#include "fixture.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

BOOST_FIXTURE_TEST_CASE(a_candidate_takes_the_place_of_an_account, World) {
    start();
    const AccountId id = add("shop/main", "rt_test_old");
    must(renewed(id, 1, 41, "", "at_test_41"));
    const auto candidate = [&](std::string_view refresh) {
        AddAccount change;
        change.account.name = "shop/main";
        change.account.candidate_for = id;
        change.account.provider = "webroot";
        change.account.attributes = {{"user", "new"}};
        change.grant = grant(refresh);
        return change;
    };
    const AccountId trial = must(candidate("rt_test_new")).account;
    AddAccount of_candidate = candidate("rt_test_x");
    of_candidate.account.candidate_for = trial;
    BOOST_TEST(fails(std::move(of_candidate)) == errc::invalid_parameter);
    AddAccount of_nobody = candidate("rt_test_x");
    of_nobody.account.candidate_for = 99;
    BOOST_TEST(fails(std::move(of_nobody)) == errc::not_found);
    must(renewed(trial, 1, 1, "rt_test_new2", "at_test_new"));
    restart();
    BOOST_TEST(accounts.size() == 2U);
    BOOST_TEST((accounts.at(trial).candidate_for == id));

    const AccountId other = add("shop/other");
    BOOST_TEST(fails(Promote{trial, other}) == errc::not_found);
    BOOST_TEST(fails(Promote{99, id}) == errc::not_found);
    const Committed done = must(Promote{trial, id});
    BOOST_TEST(done.account == id);
    BOOST_TEST(done.grant_version == 2U);
    BOOST_TEST(done.generation == 42U);
    restart();
    BOOST_TEST(accounts.size() == 2U);
    const AccountRecord& r = accounts.at(id);
    BOOST_TEST(r.generation == 42U);
    BOOST_TEST(r.token->generation == 42U);
    BOOST_TEST(r.token->access_token.view() == "at_test_new");
    BOOST_TEST((r.attributes == Attributes{{"user", "new"}}));
    BOOST_TEST(opened(id) == "rt_test_new2");
    BOOST_TEST(opened(trial) == "not_found");
    BOOST_REQUIRE(ask(store->restore_retired(id)));  // the old one was kept
    BOOST_TEST(opened(id) == "rt_test_old");
}

BOOST_FIXTURE_TEST_CASE(a_candidate_gives_way_to_a_newer_grant, World) {
    start();
    const AccountId id = add("shop/main", "rt_test_old");
    const auto candidate = [&](std::string_view refresh, bool must_differ) {
        AddAccount change;
        change.account.name = "shop/main";
        change.account.candidate_for = id;
        change.account.provider = "webroot";
        change.grant = grant(refresh);
        change.must_differ = must_differ;
        return change;
    };
    const AccountId first = must(candidate("rt_test_1", true)).account;
    const AccountId second = must(candidate("rt_test_2", true)).account;
    BOOST_TEST(opened(first) == "not_found");
    BOOST_TEST(opened(second) == "rt_test_2");
    BOOST_TEST(fails(candidate("rt_test_old", true)) == errc::superseded);
    BOOST_TEST(opened(second) == "rt_test_2");  // nothing was changed
    must(candidate("rt_test_old", false));
    ReplaceGrant login;
    login.account = id;
    login.grant = grant("rt_test_login");
    must(std::move(login));
    restart();
    BOOST_TEST(accounts.size() == 1U);
    BOOST_TEST(opened(id) == "rt_test_login");
    // What was refused may be tried again.
    must(set_state(id, 2, GrantState::login_required, "refused"));
    must(candidate("rt_test_login", true));
}

BOOST_FIXTURE_TEST_CASE(a_token_in_place_of_another_is_newer, World) {
    start();
    const AccountId id = add("shop/main", "rt_test_old");
    must(renewed(id, 1, 7, "", "at_test_7"));
    ReplaceGrant login;
    login.account = id;
    login.grant = grant("rt_test_login");
    login.token = renewed(id, 1, 7, "", "at_test_login").token.copy();
    BOOST_TEST(must(std::move(login)).generation == 8U);
}

BOOST_FIXTURE_TEST_CASE(a_removal_takes_everything_with_it, World) {
    start();
    const AccountId id = add("shop/main");
    SetState refuse = set_state(id, 1, GrantState::login_required, "refused");
    refuse.retire_grant = true;
    must(refuse);
    AddAccount trial;
    trial.account.name = "shop/main";
    trial.account.candidate_for = id;
    trial.grant = grant("rt_test_new");
    const AccountId candidate = must(std::move(trial)).account;
    refuse.account = candidate;
    must(refuse);
    BOOST_TEST(must(RemoveAccount{id}).account == id);
    BOOST_TEST(fails(RemoveAccount{id}) == errc::not_found);
    BOOST_TEST(fails(RemoveAccount{candidate}) == errc::not_found);
    restart();
    BOOST_TEST(accounts.empty());
    stop();
    sql("CREATE TEMP TABLE t(n CHECK(n = 0)); INSERT INTO t SELECT count(*) FROM retired_grant;"
        "INSERT INTO t SELECT count(*) FROM account");
    start();
}

BOOST_FIXTURE_TEST_CASE(client_secrets_are_set_replaced_and_forgotten, World) {
    start();
    must(SetClientSecret{"shop", "client_secret", Secret("cs_test_1")});
    must(SetClientSecret{"shop", "api_key", Secret("ak_test_1")});
    must(SetClientSecret{"other", "client_secret", Secret("cs_test_other")});
    must(SetClientSecret{"shop", "client_secret", Secret("cs_test_2")});
    restart();
    auto set = ask(store->open_client_secrets("shop"));
    BOOST_REQUIRE(set);
    BOOST_TEST(set->list().size() == 2U);
    BOOST_TEST(set->find("client_secret")->view() == "cs_test_2");
    BOOST_TEST(set->find("api_key")->view() == "ak_test_1");
    must(SetClientSecret{"shop", "client_secret", Secret()});
    must(SetClientSecret{"shop", "never_set", Secret()});
    restart();
    set = ask(store->open_client_secrets("shop"));
    BOOST_TEST(set->find("client_secret") == nullptr);
    BOOST_TEST(ask(store->open_client_secrets("nobody"))->empty());
    BOOST_TEST(ask(store->open_client_secrets("other"))->list().size() == 1U);
}

// What is loaded with one account is not the next one's.
BOOST_FIXTURE_TEST_CASE(an_account_without_a_token_is_loaded_without_one, World) {
    start();
    const AccountId first = add("shop/a");
    must(renewed(first, 1, 1, "rt_test_a", "at_test_a"));
    const AccountId second = add("shop/b");
    AddAccount trial;
    trial.account.name = "shop/a";
    trial.account.candidate_for = first;
    trial.account.provider = "webroot";
    trial.grant = grant("rt_test_new");
    const AccountId third = must(std::move(trial)).account;
    restart();
    BOOST_REQUIRE(accounts.size() == 3U);
    BOOST_TEST(accounts.at(first).token->access_token.view() == "at_test_a");
    BOOST_TEST(!accounts.at(second).token.has_value());
    BOOST_TEST(!accounts.at(third).token.has_value());
}
