// What an operator may write for an oauth2 client.
#include "tests/unit/providers/oauth2_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

struct Row {
    std::string key;
    Value value;
    std::string expected;  // part of the complaint; empty: fine
};

void check(const Account& base, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        BOOST_TEST_CONTEXT(row.key << " " << row.expected) {
            ClientSettings client = base.client;
            client.settings[row.key] = Setting{row.value, "test.toml:7"};
            const std::string text = all_mistakes(generic().check(client));
            if (row.expected.empty()) {
                BOOST_TEST(text == "");
            } else {
                BOOST_TEST(has(text, "test.toml:7: " + row.key), text);
                BOOST_TEST(has(text, row.expected), text);
            }
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(oauth2_addresses_and_choices) {
    BOOST_TEST(all_mistakes(generic().check(oauth2_account().client)) == "");
    check(oauth2_account(),
          {{"token_url", "https://x.example/token?a=b", ""},
           {"token_url", "http://x.example/token", "not encrypted"},
           {"token_url", "http://127.0.0.1:1/token", "allow_loopback_http"},
           {"token_url", "x.example/token", "is no URL"},
           {"token_url", "/token", "needs a base_url"},
           {"token_url", "https://x.example/token#a", "fragment"},
           {"token_url", "https://u:p@x.example/token", "password"},
           {"token_url", "https://x.example/\r\nX: y", "control character"},
           {"token_url", true, "string in quotes"},
           {"auth_url", "ftp://x.example", "https://"},
           {"device_url", "x", "is no URL"},
           {"revoke_url", "https://x.example/../y", "'.' or '..'"},
           {"issuer", "https://x.example/", ""},
           {"issuer", "https://x.example/?a", "query"},
           {"grant", "client_credentials", ""},
           {"grant", "password", "right would be \"refresh_token\" or \"client_credentials\""},
           {"client_auth", "private_key_jwt", ""},
           {"client_auth", "jwt", "private_key_jwt"},
           {"basic_encoding", "url", "\"form\" or \"raw\""},
           {"kid", "k1", "only for client_auth"},
           {"assertion_audience", "issuer", "only for client_auth"},
           {"rotation", "always", "\"auto\" or \"single_use\" or \"never\""},
           {"scope_on_refresh", "send", "no scopes"},
           {"scope_compare", "any", "\"exact\" or \"icase\""},
           {"scope_param", "scp", "\"scope\" or \"scopes\""},
           {"preset", "googl", "\"google\""},
           {"tenant", "t", "take it out"},
           {"user_agent", "shop\n", "printable"},
           {"token_uri", "x", "did you mean token_url?"},
           {"introspect_url", "x", "is not a key"}});
}

BOOST_AUTO_TEST_CASE(oauth2_lists_and_tables) {
    check(oauth2_account(),
          {{"expiry", List{"expires_in", "expires_at", "jwt_exp", "fixed:60", "reactive"}, ""},
           {"expiry", List{}, "is empty"},
           {"expiry", List{"fixed:0"}, "fixed:SECONDS"},
           {"expiry", List{"fixed:1h"}, "fixed:SECONDS"},
           {"expiry", "expires_in", "list of strings"},
           {"success_statuses", List{"200", "201"}, ""},
           {"success_statuses", List{"302"}, "\"201\""},
           {"success_statuses", List{"2000"}, "\"201\""},
           {"require_scopes", List{"a b"}, "no scope"},
           {"error_map", Table{{"Invalid refresh token", "reauth"}}, ""},
           {"error_map", Table{{"x", "login"}}, "\"reauth\""},
           {"error_map", "x", "table of strings"},
           {"fields", Table{{"access", "/data/token"}}, ""},
           {"fields", Table{{"access", "token"}}, "no JSON pointer"},
           {"fields", Table{{"access", ""}}, "no JSON pointer"},
           {"fields", Table{{"acces", "/x"}}, "it may hold access"},
           {"extra_params", Table{{"audience", "x"}}, ""},
           {"extra_params", Table{{"grant_type", "x"}}, "by itself"},
           {"extra_params", Table{{"api_key", "x"}}, "secret in the clear"},
           {"extra_params", Table{{"audience", "x\r\ny"}}, "control character"},
           {"auth_params", Table{{"state", "x"}}, "by itself"},
           {"device_params", Table{{"scope", "x"}}, "by itself"},
           {"extra_headers", Table{{"X-Title", "t"}}, ""},
           {"extra_headers", Table{{"X-Title", "a\r\nX-Y: z"}}, "control character"},
           {"extra_headers", Table{{"X Title", "t"}}, "no header's name"},
           {"extra_headers", Table{{"authorization", "t"}}, "take it out"},
           {"extra_headers", Table{{"User-Agent", "t"}}, "use user_agent"},
           {"refresh_ttl", "30d", ""},
           {"refresh_ttl", "30", "whole number and a unit"},
           {"max_lifetime", "soon", "whole number and a unit"},
           {"renew_fraction", 0.7, ""},
           {"renew_fraction", 1.5, "0.1 to 0.9"},
           {"renew_fraction", "0.7", "0.1 to 0.9"}});
}

BOOST_AUTO_TEST_CASE(oauth2_keys_that_need_each_other) {
    Account a = oauth2_account();
    a.client.settings.clear();
    a.client.client_id = "";
    std::string text = all_mistakes(generic().check(a.client));
    BOOST_TEST(has(text, "test.toml:1: token_url is missing"));
    BOOST_TEST(has(text, "test.toml:1: client_id is missing"));
    a = oauth2_account();
    a.client.client_id = "a:b\n";
    a.client.scopes = {"two words"};
    put(a, "basic_encoding", "raw");
    text = all_mistakes(generic().check(a.client));
    BOOST_TEST(has(text, "client_id holds a colon"));
    BOOST_TEST(has(text, "client_id holds a control character"));
    BOOST_TEST(has(text, "scopes holds \"two words\""));
    a = oauth2_account();
    put(a, "client_auth", "none");
    put(a, "grant", "client_credentials");
    BOOST_TEST(has(all_mistakes(generic().check(a.client)), "nothing without a secret"));
    put(a, "client_auth", "private_key_jwt");
    put(a, "assertion_audience", "issuer");
    BOOST_TEST(has(all_mistakes(generic().check(a.client)), "there is no issuer"));
    put(a, "rotation", "never");
    put(a, "basic_encoding", "raw");
    text = all_mistakes(generic().warnings(a.client));
    BOOST_TEST(has(text, "rotation says nothing"));
    BOOST_TEST(has(text, "basic_encoding says nothing"));
    BOOST_TEST(generic().warnings(oauth2_account().client).empty());
}

BOOST_AUTO_TEST_CASE(oauth2_loopback_for_tests) {
    Account a = oauth2_account();
    put(a, "token_url", "http://127.0.0.1:8080/token");
    a.client.allow_loopback_http = true;
    BOOST_TEST(all_mistakes(generic().check(a.client)) == "");
    BOOST_TEST(first_request(a).origin == "http://127.0.0.1:8080");
    put(a, "token_url", "http://id.example.com/token");
    BOOST_TEST(has(all_mistakes(generic().check(a.client)), "not encrypted"));
}

BOOST_AUTO_TEST_CASE(oauth2_import) {
    Account a = oauth2_account();
    put(a, "refresh_ttl", "7d");
    const auto good =
        generic().import_grant(a.client, {}, secrets({{"refresh_token", "rt_test_1\n"}}));
    BOOST_REQUIRE(good.has_value());
    BOOST_TEST(good->grant.find("refresh_token")->view() == "rt_test_1");
    BOOST_TEST(good->grant_lifetime->count() == 7LL * 86'400'000);
    for (const char* bad : {"", "\n", "a\nb", "{\"refresh_token\":\"x\"}"})
        BOOST_TEST(!generic().import_grant(a.client, {}, secrets({{"refresh_token", bad}})));
    BOOST_TEST(!generic().import_grant(a.client, {}, secrets({{"password", "x"}})));
}
