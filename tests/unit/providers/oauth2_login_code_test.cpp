// Authorization code with PKCE: what is shown, which redirects are believed, what is sent.
#include "providers/encoding.hpp"
#include "providers/oauth2_login.hpp"
#include "tests/unit/providers/oauth2_account.hpp"
#include "tests/unit/providers/webroot_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

const std::string redirect_uri = "http://127.0.0.1:43211/callback";
// base64url of the bytes 1..32 and 33..64, which CountingRandom draws.
const std::string state = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";
const std::string verifier = "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A";

Account account() {
    Account a = oauth2_account();
    put(a, "auth_url", "https://id.example.com/authorize");
    a.client.scopes = {"a", "b"};
    return a;
}
LoginRequest by_code() {
    return {LoginFlow::code, redirect_uri, {}};
}
const std::string tokens = R"({"access_token":"at_test","token_type":"bearer","expires_in":60,)"
                           R"("refresh_token":"rt_test_1"})";

Failed refused(Account a, const std::string& query) {
    LoginRun login(a, generic(), by_code());
    (void)expect<Show>(login->start());
    return ended<Failed>(login->shown(query));
}

}  // namespace

BOOST_AUTO_TEST_CASE(code_login) {
    Account a = account();
    BOOST_TEST((generic().login_flows(a.client) == std::vector{LoginFlow::code}));
    put(a, "auth_params", Table{{"prompt", "consent"}});
    LoginRun login(a, generic(), by_code());
    const auto show = expect<Show>(login->start());
    BOOST_TEST(show.url.starts_with(
        "https://id.example.com/authorize?response_type=code&client_id=myTestApp"
        "&redirect_uri=http%3A%2F%2F127.0.0.1%3A43211%2Fcallback&scope=a%20b&state=" +
        state + "&code_challenge="));
    BOOST_TEST(show.url.ends_with("&code_challenge_method=S256&prompt=consent"));
    BOOST_TEST(!has(show.url, verifier));
    BOOST_TEST(show.user_code == "");
    BOOST_TEST(show.expires_in.count() > 0);
    auto send = expect<Send>(login->shown("code=c%2Bode_test+1&state=" + state));
    BOOST_TEST(send.request.origin == "https://id.example.com");
    BOOST_TEST(send.request.body.view() ==
               "grant_type=authorization_code&code=c%2Bode_test+1"
               "&redirect_uri=http%3A%2F%2F127.0.0.1%3A43211%2Fcallback&code_verifier=" +
                   verifier);
    BOOST_TEST(header(send.request, "Authorization").starts_with("Basic "));
    BOOST_TEST(send.request.spends_grant);  // never resent by itself
    const auto minted = ended<Minted>(login->resume(json_reply(200, tokens)));
    BOOST_TEST(minted.new_grant->find("refresh_token")->view() == "rt_test_1");
    BOOST_TEST(minted.new_grant->list().size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_challenge_is_the_hash_of_the_verifier) {
    // RFC 7636 appendix B, through the same functions that the login uses.
    Account a = account();
    class FixedRandom final : public Random {
      public:
        void fill(std::span<std::byte> bytes) override {
            const auto raw = base64_decode_leniently("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
            BOOST_REQUIRE(raw->size() == bytes.size());
            for (std::size_t i = 0; i < bytes.size(); ++i)
                bytes[i] = static_cast<std::byte>(raw->view()[i]);
        }
    } random;
    const SecretSet none;
    Context context{a.client, "shop/main", a.attributes,   none,    a.client_secrets,
                    {},       false,       Purpose::renew, a.clock, random};
    const auto login = generic().begin_login(std::move(context), by_code());
    const auto show = expect<Show>(login->start());
    BOOST_TEST(has(show.url, "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"));
}

BOOST_AUTO_TEST_CASE(redirects_that_are_not_believed) {
    for (const std::string& query :
         {std::string("code=c1"), std::string("code=c1&state="), "code=c1&state=" + state + "x",
          "code=c1&state=" + state.substr(1), std::string(),
          std::string("error=access_denied&state=other")}) {
        const Failed f = refused(account(), query);
        BOOST_TEST(f.code == "bad_state");
        BOOST_TEST(has(f.reason, "nothing was sent"));
    }
    for (const std::string& query :
         {"state=" + state + "&code=a&code=b", "state=" + state + "&state=" + state,
          "code=%zz&state=" + state, "code=%4&state=" + state, std::string(70'000, 'x')})
        BOOST_TEST(refused(account(), query).code == "bad_redirect", query.substr(0, 60));
    for (const std::string& query :
         {"state=" + state, "code=&state=" + state, "code=a%0Ab&state=" + state})
        BOOST_TEST(refused(account(), query).code == "bad_redirect", query);
}

BOOST_AUTO_TEST_CASE(redirects_that_say_no) {
    const Failed denied = refused(
        account(), "error=access_denied&error_description=not%20" + state + "&state=" + state);
    BOOST_TEST(denied.code == "access_denied");
    BOOST_TEST((denied.failure == FailureClass::reauth));
    BOOST_TEST(has(denied.reason, "not "));
    BOOST_TEST(!has(denied.reason, state));
    BOOST_TEST(refused(account(), "error=invalid_scope&state=" + state).code == "invalid_scope");
    BOOST_TEST((refused(account(), "error=temporarily_unavailable&state=" + state).failure ==
                FailureClass::retry));
    BOOST_TEST(refused(account(), "error=odd&code=c1&state=" + state).code == "unknown_error");
}

BOOST_AUTO_TEST_CASE(the_issuer_of_a_redirect) {
    Account a = account();
    const std::string good = "code=c1&state=" + state + "&iss=";
    {
        LoginRun login(a, generic(), by_code());  // no issuer configured: nothing to compare with
        (void)login->start();
        (void)expect<Send>(login->shown(good + "https%3A%2F%2Fevil.example"));
    }
    const auto configured = [] {
        Account with = account();
        put(with, "issuer", "https://id.example.com");
        return with;
    };
    const Failed stranger = refused(configured(), good + "https%3A%2F%2Fevil.example");
    BOOST_TEST(stranger.code == "issuer_mismatch");
    BOOST_TEST(has(stranger.reason, "https://evil.example"));
    BOOST_TEST(has(stranger.reason, "https://id.example.com"));
    Account b = configured();
    LoginRun login(b, generic(), by_code());
    (void)login->start();
    (void)expect<Send>(login->shown(good + "https%3A%2F%2Fid.example.com"));

    // A server that says it always sends iss has to.
    for (const bool promised : {false, true}) {
        Account c = configured();
        c.client.settings.erase("auth_url");
        LoginRun discovered(c, generic(), by_code());
        BOOST_TEST(has(expect<Send>(discovered->start()).request.target.view(), ".well-known"));
        const std::string promise =
            promised ? R"(,"authorization_response_iss_parameter_supported":true)" : "";
        const auto show = expect<Show>(discovered->resume(
            json_reply(200, R"({"issuer":"https://id.example.com",)"
                            R"("authorization_endpoint":"https://id.example.com/auth?p=1")" +
                                promise + "}")));
        BOOST_TEST(show.url.starts_with("https://id.example.com/auth?p=1&response_type=code"));
        LoginStep step = discovered->shown("code=c1&state=" + state);
        if (promised) {
            BOOST_TEST(ended<Failed>(std::move(step)).code == "issuer_mismatch");
        } else {
            (void)expect<Send>(std::move(step));
        }
    }
}

BOOST_AUTO_TEST_CASE(code_logins_that_fail_late) {
    Account a = account();
    const auto after = [&](http::Outcome outcome) {
        a.random = {};
        LoginRun login(a, generic(), by_code());
        (void)login->start();
        (void)expect<Send>(login->shown("code=code_test_1&state=" + state));
        return ended<Failed>(login->resume(std::move(outcome)));
    };
    const Failed none = after(json_reply(200, R"({"access_token":"at_test"})"));
    BOOST_TEST(none.code == "no_refresh_token");
    BOOST_TEST(has(none.reason, "offline_access"));
    BOOST_TEST(after(json_reply(400, R"({"error":"invalid_grant"})")).code == "invalid_grant");
    const Failed echo = after(
        json_reply(400, R"({"error":"invalid_grant","error_description":"code_test_1 is odd"})"));
    BOOST_TEST(!has(echo.reason, "code_test_1"));
    http::Failure lost{FailureClass::ambiguous, true, "https://x: reset", "reset"};
    const Failed reset = after(lost);
    BOOST_TEST((reset.failure == FailureClass::retry));
    BOOST_TEST(has(reset.reason, "run the login again"));
    a.random = {};
    LoginRun login(a, generic(), by_code());
    BOOST_TEST(ended<Failed>(login->shown("code=c1&state=" + state)).code == "wrong_step");
    LoginRun remote(a, generic(), {LoginFlow::code, "http://example.com/callback", {}});
    BOOST_TEST(ended<Failed>(remote->start()).code == "bad_redirect_uri");
    Account nowhere = oauth2_account();
    LoginRun blind(nowhere, generic(), by_code());
    BOOST_TEST(has(ended<Failed>(blind->start()).reason, "auth_url"));
}

BOOST_AUTO_TEST_CASE(webroot_logs_in_with_scope_in_both_requests) {
    Account a = webroot_account();
    a.client.scopes = {"ECom.Shop"};
    BOOST_TEST((webroot().login_flows(a.client) == std::vector{LoginFlow::code}));
    LoginRun login(a, webroot(), by_code());
    const auto show = expect<Show>(login->start());
    BOOST_TEST(show.url.starts_with("https://unityapi.webrootcloudav.com/auth/authorize?"));
    BOOST_TEST(has(show.url, "&scope=ECom.Shop&"));
    auto send = expect<Send>(login->shown("state=" + state + "&code=c1"));
    BOOST_TEST(send.request.target.view() == "/auth/token");
    BOOST_TEST(send.request.body.view().ends_with("&scope=ECom.Shop"));
    BOOST_TEST(header(send.request, "Authorization") == "Basic bXlUZXN0QXBwOm15U2VjcmV0");
    const auto minted = ended<Minted>(login->resume(json_reply(200, tokens)));
    BOOST_TEST(minted.grant_lifetime->count() == 14LL * 86'400'000);
    set(a, "auth_url", "https://idp.example.com/authorize");
    BOOST_TEST(all_mistakes(webroot().check(a.client)) == "");
    LoginRun elsewhere(a, webroot(), by_code());
    BOOST_TEST(expect<Show>(elsewhere->start()).url.starts_with("https://idp.example.com/"));
    set(a, "auth_url", "idp");
    BOOST_TEST(has(all_mistakes(webroot().check(a.client)), "auth_url is no URL"));
}

BOOST_AUTO_TEST_CASE(webroot_logs_in_by_password_where_allowed) {
    Account a = webroot_account();
    set(a, "password_grant", true);
    const std::vector flows = {LoginFlow::code, LoginFlow::password};
    BOOST_TEST((webroot().login_flows(a.client) == flows));
    const auto request = [](std::string_view password) {
        return LoginRequest{LoginFlow::password, "",
                            secrets({{"username", "u"}, {"password", password}})};
    };
    LoginRun login(a, webroot(), request("pw_test"));
    const auto send = expect<Send>(login->start());
    BOOST_TEST(send.request.body.view() ==
               "grant_type=password&username=u&password=pw_test&scope=ecom.shop");
    const auto minted = ended<Minted>(login->resume(json_reply(200, tokens)));
    BOOST_TEST(minted.new_grant->find("refresh_token")->view() == "rt_test_1");
    BOOST_TEST(minted.new_grant->find("password")->view() == "pw_test");
    LoginRun empty(a, webroot(), request(""));
    BOOST_TEST(ended<Failed>(empty->start()).code == "no_password");
    LoginRun other(a, webroot(), request("pw_test"));
    BOOST_TEST(ended<Failed>(other->shown("")).code == "wrong_step");
    BOOST_TEST(ended<Failed>(other->waited()).code == "wrong_step");
}
