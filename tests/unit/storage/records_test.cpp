// A copy of an account is the account: every member, its token too.
#include "storage/records.hpp"
#include "fixture.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

BOOST_AUTO_TEST_CASE(a_copy_of_an_account_has_all_of_it) {
    AccountRecord from;
    from.id = 7;
    from.name = "shop/main";
    from.candidate_for = 3;
    from.provider = "webroot";
    from.attributes = {{"domain", "example.com"}};
    from.paused = true;
    from.state = GrantState::login_required;
    from.reason = "refused";
    from.grant_version = 5;
    from.grant_fingerprint = "f00d";
    from.grant_obtained_at = wall_from_ms(11);
    from.grant_expires_at = wall_from_ms(12);
    from.generation = 9;
    from.last_used = wall_from_ms(13);
    from.intent = IntentRecord{"cafe", wall_from_ms(14), 2};
    from.token = token(9, "at_test_9");
    const AccountRecord to = from.copy();
    BOOST_TEST(to.id == 7);
    BOOST_TEST(to.name == "shop/main");
    BOOST_TEST((to.candidate_for == 3));
    BOOST_TEST(to.provider == "webroot");
    BOOST_TEST((to.attributes == from.attributes));
    BOOST_TEST(to.paused);
    BOOST_TEST((to.state == GrantState::login_required));
    BOOST_TEST(to.reason == "refused");
    BOOST_TEST(to.grant_version == 5U);
    BOOST_TEST(to.grant_fingerprint == "f00d");
    BOOST_TEST((to.grant_obtained_at == wall_from_ms(11)));
    BOOST_TEST((to.grant_expires_at == wall_from_ms(12)));
    BOOST_TEST(to.generation == 9U);
    BOOST_TEST((to.last_used == wall_from_ms(13)));
    BOOST_REQUIRE(to.intent.has_value());
    BOOST_TEST(to.intent->fingerprint == "cafe");
    BOOST_TEST((to.intent->at == wall_from_ms(14)));
    BOOST_TEST(to.intent->attempts == 2);
    BOOST_REQUIRE(to.token.has_value());
    BOOST_TEST(to.token->generation == 9U);
    BOOST_TEST(to.token->access_token.view() == "at_test_9");
    BOOST_TEST(to.token->header_name == from.token->header_name);
    BOOST_TEST((to.token->lifetime == from.token->lifetime));
    BOOST_TEST(from.token->access_token.view() == "at_test_9");  // and the first still has its own
}
