// What a playfab client section, an account's attributes and a pasted grant may be (vector 13).
#include "tests/unit/providers/playfab_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

using Tags = std::map<std::string, std::string>;
using Names = std::vector<std::string>;

std::string mistakes(const Account& a) {
    return all_mistakes(playfab().check(a.client));
}

}  // namespace

BOOST_AUTO_TEST_CASE(playfab_sections_that_are_right) {
    for (const char* mode : {"secret", "entity", "ticket"}) {
        Account a = playfab_account(mode);
        set(a, "custom_tags", Tags{{"build", "1.2.3"}});
        BOOST_TEST(mistakes(a) == "");
        BOOST_TEST(playfab().origin(a.client) == "https://a1b2c.playfabapi.com");
        BOOST_TEST(all_mistakes(playfab().warnings(a.client)) == "");
    }
    BOOST_TEST(mistakes(falling_back()) == "");
    Account least;
    set(least, "title_id", "0");
    BOOST_TEST(mistakes(least) == "");
    set(least, "title_id", "ABCDEFGHabcdefgh");
    least.client.base_url = "https://vertical.example.com";
    BOOST_TEST(mistakes(least) == "");
    BOOST_TEST(playfab().origin(least.client) == "https://vertical.example.com");
}

BOOST_AUTO_TEST_CASE(playfab_vector_13_title_ids_that_could_lead_elsewhere) {
    for (const std::string& id :
         {std::string("a.evil.com/"), std::string("evil.com#"), std::string("a/b"),
          std::string("a@b"), std::string("a:b"), std::string("a.b"), std::string("a-b"),
          std::string(" a"), std::string("a\n"), std::string("a\0b", 3), std::string("%61"),
          std::string("\xC3\xBC"), std::string(), std::string(17, 'a')}) {
        Account a = playfab_account("secret");
        set(a, "title_id", id);
        BOOST_TEST(has(mistakes(a), "title_id must be 1 to 16 letters and digits"), id);
        BOOST_TEST(playfab().origin(a.client) == "");
        // Not even where the host is another one.
        a.client.base_url = "https://vertical.example.com";
        BOOST_TEST(has(mistakes(a), "title_id must be"), id);
    }
}

BOOST_AUTO_TEST_CASE(playfab_sections_that_are_wrong) {
    struct Row {
        std::string key;
        Value value;
        std::string expected;
    };
    Tags many;
    for (int i = 0; i < 17; ++i)
        many["t" + std::to_string(i)] = "x";
    const std::vector<Row> rows = {
        {"title_id", std::int64_t{17}, "title_id must be a string in quotes"},
        {"mode", "player", "right would be \"secret\" or \"entity\" or \"ticket\""},
        {"fallback", "ticket", "right would be \"secret_key\""},
        {"fallback", "secret_key", "fallback is only for mode = \"entity\""},
        {"custom_tags", "build", "custom_tags must be a table of strings"},
        {"custom_tags", Tags{{"build", "1\n2"}}, "custom_tags holds a control character"},
        {"custom_tags", Tags{{"b\r", "1"}}, "custom_tags holds a control character"},
        {"custom_tags", Tags{{"", "1"}}, "without a name"},
        {"custom_tags", Tags{{"build", std::string(257, 'x')}}, "more than 256 bytes"},
        {"custom_tags", many, "has 17 entries"},
        {"titel_id", "A1B2C", "did you mean title_id?"},
    };
    for (const Row& row : rows) {
        Account a = playfab_account("secret");
        set(a, row.key, row.value);
        const std::string text = mistakes(a);
        BOOST_TEST(has(text, row.expected), row.key << ": " << text);
        BOOST_TEST(has(text, "test.toml:7: "), text);
    }
    Account a = playfab_account("secret");
    a.client.settings.erase("title_id");
    a.client.client_id = "x";
    a.client.scopes = {"x"};
    a.client.base_url = "http://title.example.com";
    const std::string text = mistakes(a);
    for (const char* part : {"title_id is missing", "client_id is nothing", "scopes is nothing",
                             "base_url is not encrypted"})
        BOOST_TEST(has(text, part), text);
}

BOOST_AUTO_TEST_CASE(playfab_traits_and_what_each_mode_needs) {
    const Traits traits = playfab().traits(playfab_account("entity").client);
    BOOST_TEST((traits.policy == Policy::ahead));
    BOOST_TEST(traits.renew_from == 0.45);
    BOOST_TEST(traits.renew_to == 0.55);
    BOOST_TEST(!traits.single_use_grant);
    BOOST_TEST(!traits.probes);
    BOOST_TEST(traits.min_age_at_report.count() == 60'000);
    struct Row {
        Account account;
        Names client_secrets;
        Names grant;
    };
    std::vector<Row> rows;
    rows.push_back({playfab_account("secret"), {"secret_key"}, {}});
    rows.push_back({playfab_account("entity"), {}, {"entity_token", "session_ticket"}});
    rows.push_back({falling_back(), {"secret_key"}, {"entity_token"}});
    rows.push_back({playfab_account("ticket"), {}, {"session_ticket"}});
    rows.push_back({Account{}, {"secret_key"}, {}});  // mode = "secret" is the default
    for (const Row& row : rows) {
        const ClientSettings& client = row.account.client;
        BOOST_TEST((playfab().client_secret_names(client) == row.client_secrets));
        BOOST_TEST((playfab().grant_fields(client) == row.grant));
        BOOST_TEST((playfab().attribute_names(client) == Names{"entity_id", "entity_type"}));
    }
}

BOOST_AUTO_TEST_CASE(playfab_importing) {
    const auto import = [](const Account& a, SecretSet raw) {
        return playfab().import_grant(a.client, a.attributes, std::move(raw));
    };
    const auto good =
        import(playfab_account("entity"),
               secrets({{"entity_token", " et_test_1|x==\r\n"}, {"session_ticket", "\n"}}));
    BOOST_REQUIRE(good.has_value());
    BOOST_TEST(good->grant.find("entity_token")->view() == "et_test_1|x==");
    BOOST_TEST(good->grant.find("session_ticket") == nullptr);
    BOOST_TEST(!good->token.has_value());  // how long it lives only a renewal tells
    BOOST_TEST(import(playfab_account("entity"), secrets({{"session_ticket", "st"}})).has_value());
    BOOST_TEST(import(playfab_account("ticket"), secrets({{"session_ticket", "st"}})).has_value());
    BOOST_TEST(import(playfab_account("secret"), {}).has_value());
    BOOST_TEST(import(playfab_account("secret"), secrets({{"secret_key", ""}})).has_value());
    const auto by_secret = import(falling_back(), {});
    BOOST_REQUIRE(by_secret.has_value());
    BOOST_TEST(one_has(by_secret->notices, "with the title's secret key"));

    struct Row {
        std::string mode;
        std::string field;
        std::string value;
        std::string expected;
    };
    const std::vector<Row> rows = {
        {"secret", "secret_key", "SK_TEST_1", "client set-secret"},
        {"entity", "secret_key", "SK_TEST_1", "client set-secret"},
        {"secret", "entity_token", "et", "mode = \"secret\", which has none"},
        {"ticket", "entity_token", "et", "not one of a playfab account with mode = \"ticket\""},
        {"entity", "token", "et", "grant field token"},
        {"entity", "entity_token", "", "the entity_token is empty"},
        {"ticket", "session_ticket", " \r\n", "the session_ticket is empty"},
        {"entity", "entity_token", "et_1\net_2", "line break"},
        {"entity", "entity_token", "X-EntityToken: et", "a space"},
        {"entity", "entity_token", "et\xC2\xA0", "beyond ASCII"},
        {"entity", "entity_token", R"({"EntityToken":"et"})", "JSON"},
        {"entity", "entity_token", R"("et")", "without quotes"},
        {"entity", "entity_token", std::string(16'385, 'x'), "too long"},
    };
    for (const Row& row : rows) {
        const auto result = import(playfab_account(row.mode), secrets({{row.field, row.value}}));
        BOOST_REQUIRE(!result.has_value());
        BOOST_TEST((result.error().code == errc::invalid_parameter));
        BOOST_TEST(has(result.error().message, row.expected), result.error().message);
        BOOST_TEST(!has(result.error().message, "SK_TEST_1"));
    }
}

BOOST_AUTO_TEST_CASE(playfab_attributes_of_an_account) {
    const auto import = [](Pairs attributes) {
        return playfab().import_grant(playfab_account("secret").client, attributes, {});
    };
    BOOST_TEST(import({}).has_value());
    BOOST_TEST(import({{"entity_id", "A1B2C"}, {"entity_type", "title"}}).has_value());
    struct Row {
        Pairs attributes;
        std::string expected;
    };
    for (const Row& row : std::vector<Row>{
             {{{"entity_id", "A1B2C"}}, "belong together"},
             {{{"entity_type", "title"}}, "belong together"},
             {{{"entity", "title"}}, "attribute entity is not one"},
             {{{"entity_id", "a\"b"}, {"entity_type", "title"}}, "entity_id must be"},
             {{{"entity_id", "a\nb"}, {"entity_type", "title"}}, "entity_id must be"},
             {{{"entity_id", std::string(129, 'a')}, {"entity_type", "title"}}, "entity_id must"},
             {{{"entity_id", "A"}, {"entity_type", "Title"}}, "entity_type must be"},
             {{{"entity_id", "A"}, {"entity_type", "a b"}}, "entity_type must be"}}) {
        const auto result = import(row.attributes);
        BOOST_REQUIRE(!result.has_value());
        BOOST_TEST(has(result.error().message, row.expected), result.error().message);
    }
}
