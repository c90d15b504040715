// What is sent to Webroot, byte by byte: vectors 1 to 4, and the password grant after a refusal.
#define BOOST_TEST_MODULE providers
#include <boost/test/unit_test.hpp>

#include "tests/unit/providers/webroot_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

BOOST_AUTO_TEST_CASE(vector_1_the_documented_request) {
    Account a = webroot_account();
    const http::Request r = sent(a.begin(webroot())->start());
    BOOST_TEST(r.method == "POST");
    BOOST_TEST(r.origin == "https://unityapi.webrootcloudav.com");
    BOOST_TEST(r.target.view() == "/auth/token");
    BOOST_TEST(header(r, "Authorization") == "Basic bXlUZXN0QXBwOm15U2VjcmV0");
    BOOST_TEST(header(r, "Content-Type") == "application/x-www-form-urlencoded");
    BOOST_TEST(header(r, "Accept") == "application/json");
    BOOST_TEST(header(r, "Accept-Encoding") == "identity");
    BOOST_TEST(r.user_agent == "tokenbroker/" TB_VERSION);
    BOOST_TEST(r.body.view() ==
               "grant_type=refresh_token&refresh_token=e638d190ecec49aa80157e86fb11e4e5"
               "&scope=ecom.shop");
    BOOST_TEST(r.body.size() == 87U);
    BOOST_TEST(r.spends_grant);
}

BOOST_AUTO_TEST_CASE(vector_2_basic_raw_and_form) {
    Account a = webroot_account();
    a.client.client_id = "client_Ab12Cd34@example.com";
    a.client_secrets = secrets({{"client_secret", "p+s/s=w:rd%1 \xC3\xA9"}});
    BOOST_TEST(header(sent(a.begin(webroot())->start()), "Authorization") ==
               "Basic Y2xpZW50X0FiMTJDZDM0QGV4YW1wbGUuY29tOnArcy9zPXc6cmQlMSDDqQ==");
    set(a, "basic_encoding", "form");
    BOOST_TEST(header(sent(a.begin(webroot())->start()), "Authorization") ==
               "Basic Y2xpZW50X0FiMTJDZDM0JTQwZXhhbXBsZS5jb206cCUyQnMlMkZzJTNEdyUzQXJkJTI1MSslQzMl"
               "QTk=");
    a.client.client_id = "user";
    a.client_secrets = secrets({{"client_secret", "secret/with=special?character"}});
    BOOST_TEST(header(sent(a.begin(webroot())->start()), "Authorization") ==
               "Basic dXNlcjpzZWNyZXQlMkZ3aXRoJTNEc3BlY2lhbCUzRmNoYXJhY3Rlcg==");
}

BOOST_AUTO_TEST_CASE(vector_3_credentials_in_the_body) {
    Account a = webroot_account();
    set(a, "client_auth", "post");
    const http::Request r = sent(a.begin(webroot())->start());
    BOOST_TEST(header(r, "Authorization") == "");
    BOOST_TEST(r.body.view() ==
               "client_id=myTestApp&client_secret=mySecret&grant_type=refresh_token"
               "&refresh_token=e638d190ecec49aa80157e86fb11e4e5&scope=ecom.shop");
}

BOOST_AUTO_TEST_CASE(vector_4_the_password_grant) {
    Account a = webroot_account();
    a.client.scopes = {"ECom.Shop"};
    a.grant = secrets({{"username", "ops@example.com"}, {"password", "p&w=1 x"}});
    const auto no_password = done<Failed>(a.begin(webroot())->start());
    BOOST_TEST(no_password.code == "no_grant");  // off unless allowed
    set(a, "password_grant", true);
    const http::Request r = sent(a.begin(webroot())->start());
    BOOST_TEST(r.body.view() ==
               "grant_type=password&username=ops%40example.com&password=p%26w%3D1+x"
               "&scope=ECom.Shop");
    BOOST_TEST(r.body.size() == 83U);
    BOOST_TEST(!r.spends_grant);
}

BOOST_AUTO_TEST_CASE(several_scopes_and_a_path_in_base_url) {
    Account a = webroot_account();
    a.client.scopes = {"ECom.Shop", "SkyStatus.Reporting"};
    a.client.base_url = "https://Beta.Example.com:8443/unity/";
    set(a, "user_agent", "shop-backend/2.1");
    const http::Request r = sent(a.begin(webroot())->start());
    BOOST_TEST(r.origin == "https://beta.example.com:8443");
    BOOST_TEST(r.target.view() == "/unity/auth/token");
    BOOST_TEST(r.user_agent == "shop-backend/2.1");
    BOOST_TEST(r.body.view().ends_with("&scope=ECom.Shop+SkyStatus.Reporting"));
    BOOST_TEST(webroot().origin(a.client) == "https://beta.example.com:8443");
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_said_without_a_request) {
    Account a = webroot_account();
    a.client_secrets = {};
    const auto secret = done<Failed>(a.begin(webroot())->start());
    BOOST_TEST((secret.failure == FailureClass::config));
    BOOST_TEST(secret.code == "no_client_secret");
    a = webroot_account();
    a.grant = {};
    BOOST_TEST((done<Failed>(a.begin(webroot())->start()).failure == FailureClass::reauth));
    for (const Purpose purpose : {Purpose::probe, Purpose::revoke})
        BOOST_TEST(done<Failed>(a.begin(webroot(), purpose)->start()).code == "unsupported");
}

BOOST_AUTO_TEST_CASE(the_password_takes_over_a_refused_refresh_token) {
    Account a = webroot_account();
    a.grant =
        secrets({{"refresh_token", "rt_test_old"}, {"username", "u"}, {"password", "pw_test"}});
    const auto refused = [] { return json_reply(400, R"({"error":"invalid_grant"})"); };
    BOOST_TEST(done<Failed>([&] {
                   auto exchange = a.begin(webroot());
                   (void)sent(exchange->start());
                   return exchange->resume(refused());
               }())
                   .code == "invalid_grant");  // not allowed: the account needs a login

    set(a, "password_grant", true);
    auto exchange = a.begin(webroot());
    BOOST_TEST(sent(exchange->start()).spends_grant);
    const http::Request second = sent(exchange->resume(refused()));
    BOOST_TEST(second.body.view() ==
               "grant_type=password&username=u&password=pw_test&scope=ecom.shop");
    const auto minted = done<Minted>(
        exchange->resume(json_reply(200, R"({"access_token":"at_test","token_type":"bearer",)"
                                         R"("expires_in":299,"refresh_token":"rt_test_new"})")));
    BOOST_REQUIRE(minted.new_grant.has_value());
    BOOST_TEST(minted.new_grant->find("refresh_token")->view() == "rt_test_new");
    BOOST_TEST(minted.new_grant->find("password")->view() == "pw_test");

    // The password fails for now: the refused refresh token must not go out again.
    exchange = a.begin(webroot());
    (void)exchange->start();
    (void)exchange->resume(refused());
    const auto lost = done<Failed>(exchange->resume(reply(502, "", {})));
    BOOST_TEST((lost.failure == FailureClass::retry));  // a password is not used up
    BOOST_REQUIRE(lost.new_grant.has_value());
    BOOST_TEST(lost.new_grant->find("refresh_token") == nullptr);
    BOOST_TEST(lost.new_grant->find("password")->view() == "pw_test");
}
