// What an oauth2 client sends, byte by byte: grants, the four ways of client authentication, vector
// 6.1, revocation.
#include "tests/unit/providers/oauth2_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

BOOST_AUTO_TEST_CASE(oauth2_refresh) {
    Account a = oauth2_account();
    const http::Request r = first_request(a);
    BOOST_TEST(r.method == "POST");
    BOOST_TEST(r.origin == "https://id.example.com");
    BOOST_TEST(r.target.view() == "/oauth2/token");
    BOOST_TEST(header(r, "Authorization") == "Basic bXlUZXN0QXBwOmNzX3Rlc3RfMQ==");
    BOOST_TEST(header(r, "Content-Type") == "application/x-www-form-urlencoded");
    BOOST_TEST(header(r, "Accept") == "application/json");
    BOOST_TEST(header(r, "Accept-Encoding") == "identity");
    BOOST_TEST(r.user_agent == "tokenbroker/" TB_VERSION);
    BOOST_TEST(r.body.view() == "grant_type=refresh_token&refresh_token=rt_test_old");
    BOOST_TEST(r.spends_grant);
    BOOST_TEST(generic().origin(a.client) == "https://id.example.com");
}

BOOST_AUTO_TEST_CASE(oauth2_vector_1_the_refresh_token_is_encoded) {
    Account a = oauth2_account();
    a.grant = secrets({{"refresh_token", "eyJfaWQmNzMtNGCJ9%6VFV5LNrZFUj8oU231/3Aj"}});
    BOOST_TEST(first_request(a).body.view() ==
               "grant_type=refresh_token&"
               "refresh_token=eyJfaWQmNzMtNGCJ9%256VFV5LNrZFUj8oU231%2F3Aj");
}

BOOST_AUTO_TEST_CASE(oauth2_client_authentication) {
    Account a = oauth2_account();
    a.client_secrets = secrets({{"client_secret", "cs+test/=1"}});
    BOOST_TEST(header(first_request(a), "Authorization") ==  // form is the default (RFC 6749 2.3.1)
               "Basic bXlUZXN0QXBwOmNzJTJCdGVzdCUyRiUzRDE=");
    put(a, "basic_encoding", "raw");
    BOOST_TEST(header(first_request(a), "Authorization") == "Basic bXlUZXN0QXBwOmNzK3Rlc3QvPTE=");
    a = oauth2_account();
    put(a, "client_auth", "post");
    const http::Request post = first_request(a);
    BOOST_TEST(header(post, "Authorization") == "");
    BOOST_TEST(post.body.view() ==
               "client_id=myTestApp&client_secret=cs_test_1&grant_type=refresh_token"
               "&refresh_token=rt_test_old");
    put(a, "client_auth", "none");
    const http::Request open = first_request(a);
    BOOST_TEST(header(open, "Authorization") == "");
    BOOST_TEST(open.body.view() ==
               "client_id=myTestApp&grant_type=refresh_token&refresh_token=rt_test_old");
    BOOST_TEST(generic().client_secret_names(a.client).empty());
}

BOOST_AUTO_TEST_CASE(oauth2_scopes_parameters_and_headers) {
    Account a = oauth2_account();
    a.client.scopes = {"a", "b"};
    BOOST_TEST(!has(first_request(a).body.view(), "scope"));  // omitted on refresh
    put(a, "scope_on_refresh", "send");
    put(a, "scope_param", "scopes");
    put(a, "extra_params", Table{{"deployment_id", "d 1"}, {"audience", "https://x/"}});
    put(a, "extra_headers", Table{{"X-Title", "t1"}});
    put(a, "user_agent", "shop/2");
    put(a, "token_url", "https://ID.example.com:443/t/?tenant=1&x=%20");
    const http::Request r = first_request(a);
    BOOST_TEST(r.body.view() ==
               "grant_type=refresh_token&refresh_token=rt_test_old&scopes=a+b"
               "&audience=https%3A%2F%2Fx%2F&deployment_id=d+1");
    BOOST_TEST(header(r, "X-Title") == "t1");
    BOOST_TEST(r.user_agent == "shop/2");
    BOOST_TEST(r.target.view() == "/t/?tenant=1&x=%20");
    BOOST_TEST(r.origin == "https://id.example.com");
    put(a, "token_url", "/token");
    a.client.base_url = "https://api.example.com/v2/";
    BOOST_TEST(first_request(a).target.view() == "/v2/token");
}

BOOST_AUTO_TEST_CASE(oauth2_client_credentials) {
    Account a = oauth2_account();
    a.grant = {};
    put(a, "grant", "client_credentials");
    a.client.scopes = {"api/.default"};
    const http::Request r = first_request(a);
    BOOST_TEST(r.body.view() == "grant_type=client_credentials&scope=api%2F.default");
    BOOST_TEST(!r.spends_grant);
    const Traits traits = generic().traits(a.client);
    BOOST_TEST(!traits.single_use_grant);
    BOOST_TEST(!traits.revokes);
    BOOST_TEST((traits.policy == Policy::ahead));
    BOOST_TEST(generic().grant_fields(a.client).empty());
    BOOST_TEST(generic().login_flows(a.client).empty());
    const auto imported = generic().import_grant(a.client, {}, {});
    BOOST_REQUIRE(imported.has_value());
    BOOST_TEST(imported->grant.empty());
    const auto refused =
        generic().import_grant(a.client, {}, secrets({{"refresh_token", "rt_test_1"}}));
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(has(refused.error().message, "add it without one"));
}

BOOST_AUTO_TEST_CASE(oauth2_rotation_and_traits) {
    Account a = oauth2_account();
    for (const char* rotation : {"auto", "single_use", "never"}) {
        put(a, "rotation", rotation);
        const bool spends = std::string_view(rotation) != "never";
        BOOST_TEST(generic().traits(a.client).single_use_grant == spends);
        BOOST_TEST(first_request(a).spends_grant == spends);
    }
    put(a, "renew_fraction", 0.5);
    put(a, "max_lifetime", "10m");
    const Traits traits = generic().traits(a.client);
    BOOST_TEST(traits.renew_from == 0.45, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(traits.renew_to == 0.55, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(traits.longest_lifetime->count() == 600'000);
    BOOST_TEST(!traits.revokes);
    BOOST_TEST(!traits.probes);
}

BOOST_AUTO_TEST_CASE(oauth2_what_is_missing_is_said_without_a_request) {
    Account a = oauth2_account();
    a.client_secrets = {};
    const auto secret = done<Failed>(a.begin(generic())->start());
    BOOST_TEST((secret.failure == FailureClass::config));
    BOOST_TEST(secret.code == "no_client_secret");
    put(a, "client_auth", "private_key_jwt");
    const auto key = done<Failed>(a.begin(generic())->start());
    BOOST_TEST(key.code == "no_private_key");
    BOOST_TEST(has(key.reason, "set-secret shop --name private_key"));
    a = oauth2_account();
    a.grant = {};
    BOOST_TEST((done<Failed>(a.begin(generic())->start()).failure == FailureClass::reauth));
    BOOST_TEST(done<Failed>(a.begin(generic(), Purpose::probe)->start()).code == "unsupported");
    BOOST_TEST(done<Failed>(a.begin(generic(), Purpose::revoke)->start()).code == "unsupported");
}

BOOST_AUTO_TEST_CASE(a_token_in_hand_is_validated_where_the_provider_wants_it) {
    Account a = oauth2_account();
    BOOST_TEST(done<Failed>(a.begin(generic(), Purpose::probe)->start()).code == "unsupported");
    put(a, "validate_url", "https://id.example.com/oauth2/validate");
    put(a, "validate_interval", "30m");
    BOOST_TEST(all_mistakes(generic().check(a.client)) == "");
    BOOST_TEST(generic().traits(a.client).validate_every->count() == 1'800'000);
    const Secret token("at_test_1");
    const auto probe = [&] {
        return generic().begin({a.client,
                                "shop/main",
                                a.attributes,
                                a.grant,
                                a.client_secrets,
                                {},
                                false,
                                Purpose::probe,
                                a.clock,
                                a.random,
                                &token});
    };
    const http::Request r = sent(probe()->start());
    BOOST_TEST(r.method == "GET");
    BOOST_TEST(r.origin + std::string(r.target.view()) == "https://id.example.com/oauth2/validate");
    BOOST_TEST(header(r, "Authorization") == "Bearer at_test_1");
    BOOST_TEST(!r.spends_grant);
    const auto outcome = [&](http::Outcome reply) {
        auto exchange = probe();
        (void)sent(exchange->start());
        return exchange->resume(std::move(reply));
    };
    (void)done<Probed>(outcome(json_reply(200, R"({"client_id":"x"})")));
    BOOST_TEST(done<Failed>(outcome(json_reply(401, R"({"message":"at_test_1"})"))).code ==
               "rejected");
    const Failed busy = done<Failed>(outcome(json_reply(503, "{}")));
    BOOST_TEST((busy.failure == FailureClass::retry));
    a.client.settings.erase("validate_url");
    BOOST_TEST(all_mistakes(generic().check(a.client)).find("validate_interval says nothing") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(oauth2_revocation) {
    Account a = oauth2_account();
    put(a, "revoke_url", "https://id.example.com/oauth2/revoke");
    BOOST_TEST(generic().traits(a.client).revokes);
    const http::Request r = first_request(a, Purpose::revoke);
    BOOST_TEST(r.target.view() == "/oauth2/revoke");
    BOOST_TEST(r.body.view() == "token=rt_test_old&token_type_hint=refresh_token");
    BOOST_TEST(!r.spends_grant);
    BOOST_TEST(header(r, "Authorization") == "Basic bXlUZXN0QXBwOmNzX3Rlc3RfMQ==");
    const auto after = [&](http::Outcome outcome) {
        auto exchange = a.begin(generic(), Purpose::revoke);
        (void)sent(exchange->start());
        return exchange->resume(std::move(outcome));
    };
    (void)done<Revoked>(after(reply(200, "", {})));
    (void)done<Revoked>(after(json_reply(200, "{}")));
    (void)done<Revoked>(after(reply(204, "", {})));
    const auto failed = [&](http::Outcome outcome) {
        return done<Failed>(after(std::move(outcome)));
    };
    const Failed busy = failed(reply(503, "", {{"retry-after", "7"}}));
    BOOST_TEST((busy.failure == FailureClass::retry));
    BOOST_TEST(busy.retry_after->count() == 7'000);
    BOOST_TEST(failed(json_reply(400, R"({"error":"unsupported_token_type"})")).code ==
               "unsupported_token_type");
    BOOST_TEST(failed(json_reply(401, R"({"error":"invalid_client"})")).code == "invalid_client");
    BOOST_TEST(failed(json_reply(200, R"({"error":"invalid_client"})")).code == "invalid_client");
    BOOST_TEST((failed(reply(502, "", {})).failure == FailureClass::retry));
    http::Failure lost{FailureClass::ambiguous, true, "https://x: reset", "reset"};
    BOOST_TEST((failed(std::move(lost)).failure == FailureClass::retry));
}
