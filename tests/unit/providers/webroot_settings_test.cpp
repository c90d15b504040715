// What an operator may write for a webroot client, and what may be imported.
#include "tests/unit/providers/webroot_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

struct Row {
    std::string key;
    Value value;
    std::string expected;  // part of the complaint; empty: fine
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(settings) {
    BOOST_TEST(all_mistakes(webroot().check(webroot_account().client)) == "");
    const std::vector<Row> rows = {
        {"client_auth", "post", ""},
        {"client_auth", "none", "client_auth is \"none\"; right would be \"basic\" or \"post\""},
        {"client_auth", true, "must be \"basic\" or \"post\""},
        {"basic_encoding", "form", ""},
        {"basic_encoding", "url", "right would be \"raw\" or \"form\""},
        {"user_agent", "shop/1.0 (backend)", ""},
        {"user_agent", "shop", "form name/version"},
        {"user_agent", "shop/x", "form name/version"},
        {"user_agent", "shop/1\r\nX-Y: z", "form name/version"},
        {"refresh_ttl", "7d", ""},
        {"refresh_ttl", "7 days", "whole number and a unit"},
        {"refresh_ttl", "0d", "whole number and a unit"},
        {"refresh_ttl", std::int64_t{7}, "whole number and a unit"},
        {"refresh_ttl", "9999d", "3650 days"},
        {"password_grant", true, ""},
        {"password_grant", "yes", "true or false"},
        {"clientauth", "post", "did you mean client_auth?"},
        {"scope", "x", "did you mean scopes?"},
        {"wholly_other_thing", "x", "is not a key of a webroot client; take it out"},
    };
    for (const Row& row : rows) {
        BOOST_TEST_CONTEXT(row.key << " " << row.expected) {
            Account a = webroot_account();
            set(a, row.key, row.value);
            const std::string text = all_mistakes(webroot().check(a.client));
            if (row.expected.empty()) {
                BOOST_TEST(text == "");
            } else {
                BOOST_TEST(has(text, "test.toml:7: " + row.key));
                BOOST_TEST(has(text, row.expected), text);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(members) {
    Account a = webroot_account();
    a.client.client_id = "";
    a.client.scopes = {};
    a.client.base_url = "http://unity.example.com";
    const std::string text = all_mistakes(webroot().check(a.client));
    BOOST_TEST(has(text, "test.toml:1: client_id is missing"));
    BOOST_TEST(has(text, "test.toml:1: scopes is missing or empty"));
    BOOST_TEST(has(text, "test.toml:1: base_url is not encrypted"));

    a = webroot_account();
    a.client.client_id = "a:b";
    a.client.scopes = {"two words", "quo\"te"};
    const std::string more = all_mistakes(webroot().check(a.client));
    BOOST_TEST(has(more, "client_id holds a colon"));
    BOOST_TEST(has(more, "scopes holds \"two words\""));
    BOOST_TEST(has(more, "scopes holds \"quo\"te\""));
    set(a, "client_auth", "post");
    BOOST_TEST(!has(all_mistakes(webroot().check(a.client)), "colon"));
    set(a, "basic_encoding", "raw");
    BOOST_TEST(has(all_mistakes(webroot().check(a.client)), "basic_encoding says nothing"));

    a = webroot_account();
    a.client.client_id = "a\r\nX: y";
    BOOST_TEST(has(all_mistakes(webroot().check(a.client)), "client_id holds a control character"));
}

BOOST_AUTO_TEST_CASE(the_password_grant_is_warned_about) {
    Account a = webroot_account();
    BOOST_TEST(webroot().warnings(a.client).empty());
    set(a, "password_grant", true);
    BOOST_TEST(has(all_mistakes(webroot().warnings(a.client)), "test.toml:7: password_grant"));
    const std::vector<std::string> fields = {"refresh_token", "username", "password"};
    BOOST_TEST(webroot().grant_fields(a.client) == fields, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(importing_a_refresh_token) {
    Account a = webroot_account();
    set(a, "refresh_ttl", "7d");
    const auto good =
        webroot().import_grant(a.client, {}, secrets({{"refresh_token", "rt_test_1\r\n"}}));
    BOOST_REQUIRE(good.has_value());
    BOOST_TEST(good->grant.find("refresh_token")->view() == "rt_test_1");
    BOOST_TEST(good->grant_lifetime->count() == 7LL * 86'400'000);
    BOOST_TEST(!good->token.has_value());

    const auto refused = [&](SecretSet raw) {
        const auto result = webroot().import_grant(a.client, {}, std::move(raw));
        BOOST_REQUIRE(!result.has_value());
        BOOST_TEST((result.error().code == errc::invalid_parameter));
        return result.error().message;
    };
    BOOST_TEST(has(refused({}), "empty"));
    BOOST_TEST(has(refused(secrets({{"refresh_token", "\n"}})), "empty"));
    BOOST_TEST(has(refused(secrets({{"refresh_token", "rt_test_1\nrt_test_2"}})), "line break"));
    BOOST_TEST(has(refused(secrets({{"refresh_token", "rt\xC2\xA0"}})), "beyond ASCII"));
    BOOST_TEST(
        has(refused(secrets({{"refresh_token", R"({"refresh_token":"rt_test_1"})"}})), "JSON"));
    BOOST_TEST(has(refused(secrets({{"refresh_tokne", "x"}})), "refresh_tokne"));
    BOOST_TEST(
        has(refused(secrets({{"username", "u"}, {"password", "p"}})), "password_grant = true"));
    BOOST_TEST(has(refused(secrets({{"refresh_token", std::string(16'385, 'x')}})), "longer than"));
    set(a, "password_grant", true);
    const auto password =
        webroot().import_grant(a.client, {}, secrets({{"username", "u"}, {"password", "pw_test"}}));
    BOOST_REQUIRE(password.has_value());
    BOOST_TEST(password->notices.size() == 1U);
    BOOST_TEST(has(refused(secrets({{"username", "u"}})), "empty"));
}
