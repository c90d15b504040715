// Each quirk of the table in section 6, by the preset's name alone.
#include "providers/oauth2_presets.hpp"

#include "providers/oauth2_setup.hpp"
#include "tests/unit/providers/oauth2_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

std::string url(const http::Request& request) {
    return request.origin + std::string(request.target.view());
}

Minted minted(Account& a, const std::string& body) {
    return done<Minted>(answered(a, json_reply(200, body)));
}
Failed refused(Account& a, int status, const std::string& body) {
    return done<Failed>(answered(a, json_reply(status, body)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_preset_is_complete) {
    for (const std::string_view name : oauth2::preset_names()) {
        BOOST_TEST_CONTEXT(name) {
            Account a = preset_account(std::string(name));
            const std::string bare = all_mistakes(generic().check(a.client));
            const auto* preset = oauth2::find_preset(name);
            for (const std::string_view key : preset->required)
                BOOST_TEST(has(bare, std::string(key) + " is missing"), bare);
            if (preset->required.empty()) BOOST_TEST(bare == "");
        }
    }
    BOOST_TEST(oauth2::find_preset("none") == nullptr);
}

BOOST_AUTO_TEST_CASE(explicit_keys_win) {
    Account a = preset_account("twitch");
    put(a, "token_url", "https://own.example.com/t");
    put(a, "fields", Table{{"error", "/err"}});
    put(a, "client_auth", "none");
    const auto setup = oauth2::setup_of(a.client);
    BOOST_TEST(setup.token->url() == "https://own.example.com/t");
    BOOST_TEST(setup.fields.error == "/err");
    BOOST_TEST(setup.fields.error_description == "");  // of the preset, entry by entry
    BOOST_TEST((setup.client_auth == oauth2::ClientAuth::none));
    BOOST_TEST(setup.device->url() == "https://id.twitch.tv/oauth2/device");
}

BOOST_AUTO_TEST_CASE(preset_discord) {
    Account a = preset_account("discord");
    const http::Request r = first_request(a);
    BOOST_TEST(url(r) == "https://discord.com/api/oauth2/token");
    BOOST_TEST(header(r, "Content-Type") == "application/x-www-form-urlencoded");
    BOOST_TEST(header(r, "Authorization").starts_with("Basic "));
    BOOST_TEST(generic().traits(a.client).single_use_grant);
    BOOST_TEST(url(first_request(a, Purpose::revoke)) ==
               "https://discord.com/api/oauth2/token/revoke");
    BOOST_TEST(minted(a, R"({"access_token":"at_test","token_type":"Bearer","expires_in":604800,)"
                         R"("refresh_token":"rt_test_2","scope":"identify"})")
                   .lifetime->count() == 604'800'000);
    BOOST_TEST(generic().login_flows(a.client).size() == 1U);
}

BOOST_AUTO_TEST_CASE(preset_twitch) {
    Account a = preset_account("twitch");
    a.client.scopes = {"chat:read"};
    a.grant = secrets({{"refresh_token", "eyJfaWQmNzMtNGCJ9%6VFV5LNrZFUj8oU231/3Aj"}});
    const http::Request r = first_request(a);
    BOOST_TEST(url(r) == "https://id.twitch.tv/oauth2/token");
    BOOST_TEST(r.body.view() ==
               "client_id=myTestApp&client_secret=cs_test_1&grant_type=refresh_token&"
               "refresh_token=eyJfaWQmNzMtNGCJ9%256VFV5LNrZFUj8oU231%2F3Aj");
    BOOST_TEST((refused(a, 400, R"({"status":400,"message":"Invalid refresh token"})").failure ==
                FailureClass::reauth));
    BOOST_TEST((refused(a, 401,
                        R"({"error":"Unauthorized","status":401,)"
                        R"("message":"Invalid refresh token"})")
                    .failure == FailureClass::reauth));
    BOOST_TEST((refused(a, 403, R"({"status":403,"message":"invalid client secret"})").failure ==
                FailureClass::config));
    BOOST_TEST((refused(a, 400, R"({"status":400,"message":"something new"})").failure ==
                FailureClass::config));
    // No lifetime: react to a 401.
    BOOST_TEST(!minted(a, R"({"access_token":"at_test","token_type":"bearer",)"
                          R"("scope":["chat:read"]})")
                    .lifetime.has_value());
    BOOST_TEST(!generic().traits(a.client).revokes);  // it takes access tokens alone
}

BOOST_AUTO_TEST_CASE(preset_epic) {
    Account a = preset_account("epic");
    put(a, "extra_params", Table{{"deployment_id", "dep1"}});
    a.client_secrets = secrets({{"client_secret", "cs+test/1"}});
    const http::Request r = first_request(a);
    BOOST_TEST(url(r) == "https://api.epicgames.dev/epic/oauth/v2/token");
    BOOST_TEST(header(r, "Authorization") == "Basic bXlUZXN0QXBwOmNzK3Rlc3QvMQ==");  // raw
    BOOST_TEST(r.body.view().ends_with("&deployment_id=dep1"));
    const Minted m =
        minted(a, R"({"access_token":"eg1~at_test","token_type":"bearer","expires_in":7200,)"
                  R"("expires_at":"2023-05-22T11:14:20.132Z","refresh_token":"eg1~rt_test",)"
                  R"("refresh_expires_in":28800,"scope":["basic_profile"]})");
    BOOST_TEST(m.access_token.view() == "eg1~at_test");
    BOOST_TEST(m.lifetime->count() == 7'200'000);
    BOOST_TEST(m.grant_lifetime->count() == 28'800'000);
    // Connect: a NumericDate alone.
    auto connect = json_reply(200, R"({"access_token":"at_test","token_type":"bearer",)"
                                   R"("expires_at":1588286083})");
    connect.headers.emplace_back("date", "Thu, 30 Apr 2020 20:34:43 GMT");
    BOOST_TEST(done<Minted>(answered(a, std::move(connect))).lifetime->count() == 7'200'000);
    const Failed dead =
        refused(a, 400,
                R"({"errorCode":"errors.com.epicgames.account.auth_token.invalid_refresh_token",)"
                R"("errorMessage":"Sorry the refresh token 'rt_test_old' is invalid",)"
                R"("numericErrorCode":18036,"error":"invalid_grant"})");
    BOOST_TEST((dead.failure == FailureClass::reauth));
    BOOST_TEST(!has(dead.reason, "rt_test_old"));
    // An errorCode nobody knows: the RFC's member beside it decides.
    BOOST_TEST(
        (refused(a, 400, R"({"errorCode":"errors.com.epicgames.new","error":"invalid_client"})")
             .failure == FailureClass::config));
    BOOST_TEST(generic().warnings(a.client).empty());
    put(a, "extra_params", Table{});
    BOOST_TEST(generic().warnings(a.client).size() == 1U);
}

BOOST_AUTO_TEST_CASE(preset_google) {
    Account a = preset_account("google");
    const http::Request r = first_request(a);
    BOOST_TEST(url(r) == "https://oauth2.googleapis.com/token");
    BOOST_TEST(has(r.body.view(), "client_secret=cs_test_1"));
    BOOST_TEST(!r.spends_grant);
    BOOST_TEST(!generic().traits(a.client).single_use_grant);
    const Minted m =
        minted(a, R"({"access_token":"at_test","token_type":"Bearer","expires_in":3599})");
    BOOST_TEST(!m.new_grant.has_value());  // no refresh token in the reply: keep
    BOOST_TEST(m.warnings.empty());
    BOOST_TEST(url(first_request(a, Purpose::revoke)) == "https://oauth2.googleapis.com/revoke");
    LoginRun login(a, generic(), {LoginFlow::code, "http://127.0.0.1:4321/callback", {}});
    const auto show = expect<Show>(login->start());
    BOOST_TEST(has(show.url, "&access_type=offline&prompt=consent"));
}

BOOST_AUTO_TEST_CASE(preset_entra) {
    Account a = preset_account("entra");
    put(a, "tenant", "contoso.example/x");
    BOOST_TEST(all_mistakes(generic().check(a.client)) == "");
    BOOST_TEST(url(first_request(a)) ==  // one segment of the path, whatever stands in it
               "https://login.microsoftonline.com/contoso.example%2Fx/oauth2/v2.0/token");
    BOOST_TEST(generic().traits(a.client).single_use_grant);
    BOOST_TEST(!generic().traits(a.client).revokes);
    BOOST_TEST(has(all_mistakes(generic().warnings(a.client)), "offline_access"));
    const Minted m =
        minted(a, R"({"access_token":"at_test","token_type":"Bearer","expires_in":3600,)"
                  R"("ext_expires_in":3600,"refresh_token":"rt_test_2"})");
    BOOST_TEST(m.grant_lifetime->count() == 90LL * 86'400'000);
    BOOST_TEST((refused(a, 400,
                        R"({"error":"interaction_required","suberror":"basic_action",)"
                        R"("error_codes":[50076],"claims":"{}"})")
                    .failure == FailureClass::reauth));
    const auto busy = done<Failed>(answered(a, reply(429, "", {{"retry-after", "12"}})));
    BOOST_TEST((busy.failure == FailureClass::retry));
    BOOST_TEST(busy.retry_after->count() == 12'000);
    Account app = preset_account("entra");
    put(app, "tenant", "t1");
    put(app, "grant", "client_credentials");
    app.client.scopes = {"https://graph.microsoft.com/.default"};
    BOOST_TEST(first_request(app).body.view().ends_with(
        "&grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"));
    BOOST_TEST(generic().warnings(app.client).empty());
}

BOOST_AUTO_TEST_CASE(preset_keycloak) {
    Account a = preset_account("keycloak");
    a.client.base_url = "https://sso.example.com/auth";
    put(a, "realm", "my realm");
    a.client.client_id = "user";
    a.client_secrets = secrets({{"client_secret", "secret/with=special?character"}});
    BOOST_TEST(all_mistakes(generic().check(a.client)) == "");
    const http::Request r = first_request(a);
    BOOST_TEST(url(r) ==
               "https://sso.example.com/auth/realms/my%20realm/protocol/openid-connect/token");
    BOOST_TEST(header(r, "Authorization") ==
               "Basic dXNlcjpzZWNyZXQlMkZ3aXRoJTNEc3BlY2lhbCUzRmNoYXJhY3Rlcg==");
    BOOST_TEST(url(first_request(a, Purpose::revoke)).ends_with("/openid-connect/revoke"));
    const auto life = [&](const std::string& seconds) {
        return minted(a, R"({"access_token":"at_test","token_type":"Bearer","expires_in":300,)"
                         R"("refresh_token":"rt_test_2","refresh_expires_in":)" +
                             seconds + "}")
            .grant_lifetime;
    };
    BOOST_TEST(life("1800")->count() == 1'800'000);
    BOOST_TEST(!life("0").has_value());  // offline: no end
    const Failed reuse =
        refused(a, 400,
                R"({"error":"invalid_grant","error_description":"Maximum allowed refresh )"
                R"(token reuse exceeded"})");
    BOOST_TEST((reuse.failure == FailureClass::reauth));
    BOOST_TEST(has(reuse.reason, "reuse exceeded"));
    BOOST_TEST(
        (refused(a, 400, R"({"error":"invalid_grant","error_description":"Session not active"})")
             .failure == FailureClass::reauth));
}
