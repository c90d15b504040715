// What an operator may write for a readyplayerme client, what may be imported, and what a caller
// may ask for.
#include "tests/unit/providers/readyplayerme_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rpm_settings) {
    BOOST_TEST(all_mistakes(readyplayerme().check(rpm_account().client)) == "");
    struct Row {
        std::string key;
        Value value;
        std::string expected;  // part of the complaint; empty: fine
    };
    for (const Row& row : std::vector<Row>{
             {"partner", "acme&co/\xC3\xBC x", ""},
             {"partner", "", "partner is missing"},
             {"partner", true, "must be a string in quotes"},
             {"partner", "a\r\nX-Y: z", "partner holds a control character"},
             {"partner", std::string(257, 'x'), "longer than 256 bytes"},
             {"min_remaining", "1s", ""},
             {"min_remaining", "14s", ""},
             {"min_remaining", "15s", "right would be at most \"14s\""},
             {"min_remaining", "0s", "a whole number and a unit"},
             {"min_remaining", std::int64_t{10}, "a whole number and a unit"},
             {"deadline", "20s", ""},
             {"deadline", "30s", ""},
             {"deadline", "31s", "right would be at most \"30s\""},
             {"deadline", "5", "a whole number and a unit"},
             {"parter", "x", "did you mean partner?"},
             {"user_id", "x", "is not a key of a readyplayerme client"},
         }) {
        BOOST_TEST_CONTEXT(row.key << " " << row.expected) {
            Account a = rpm_account();
            a.client.settings[row.key] = {row.value, "test.toml:8"};
            const std::string text = all_mistakes(readyplayerme().check(a.client));
            if (row.expected.empty()) {
                BOOST_TEST(text == "");
            } else {
                BOOST_TEST(has(text, "test.toml:8: " + row.key), text);
                BOOST_TEST(has(text, row.expected), text);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(rpm_has_no_default_base_url) {
    Account a = rpm_account();
    a.client.base_url = "";
    a.client.settings.clear();
    a.client.client_id = "app";
    a.client.scopes = {"x"};
    const std::string text = all_mistakes(readyplayerme().check(a.client));
    BOOST_TEST(has(text, "test.toml:1: base_url is missing"));
    BOOST_TEST(has(text, "ended on 31 January 2026"));
    BOOST_TEST(has(text, "test.toml:1: partner is missing"));
    BOOST_TEST(has(text, "client_id is nothing"));
    BOOST_TEST(has(text, "scopes is nothing"));
    BOOST_TEST(readyplayerme().origin(a.client) == "");
    BOOST_TEST(done<Failed>(a.begin(readyplayerme())->start()).code == "bad_base_url");
    a.client.base_url = "http://api.example.com";
    BOOST_TEST(has(all_mistakes(readyplayerme().check(a.client)), "base_url is not encrypted"));

    BOOST_TEST(has(all_mistakes(readyplayerme().warnings(rpm_account().client)),
                   "base_url leads to the service's own name"));
    a = rpm_account();
    a.client.base_url = "https://avatars.example.com";
    BOOST_TEST(readyplayerme().warnings(a.client).empty());
}

BOOST_AUTO_TEST_CASE(rpm_accounts_have_no_secret_of_their_own) {
    const Account a = rpm_account();
    BOOST_TEST(readyplayerme().grant_fields(a.client).empty());
    BOOST_TEST(readyplayerme().client_secret_names(a.client) == std::vector<std::string>{"api_key"},
               boost::test_tools::per_element());
    const auto imported = readyplayerme().import_grant(a.client, {}, {});
    BOOST_REQUIRE(imported.has_value());
    BOOST_TEST(imported->grant.empty());
    BOOST_TEST(!imported->token.has_value());
    BOOST_TEST(!imported->grant_lifetime.has_value());
    const auto refused =
        readyplayerme().import_grant(a.client, {}, secrets({{"api_key", "sk_test_1"}}));
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST((refused.error().code == errc::invalid_parameter));
    BOOST_TEST(has(refused.error().message, "client set-secret avatars --name api_key"));
    BOOST_TEST(!has(refused.error().message, "sk_test_1"));
}

BOOST_AUTO_TEST_CASE(rpm_parameters) {
    const auto complaint = [](Parameters parameters) {
        const auto result = readyplayerme().check_parameters(rpm_account().client, {}, parameters);
        if (result) return std::string();
        BOOST_TEST((result.error().code == errc::invalid_parameter));
        return result.error().message;
    };
    const auto of = [](std::string user) {
        Parameters out;
        out.emplace_back("user_id", std::move(user));
        return out;
    };
    for (const std::string& fine :
         {std::string("64943d471dc01e086ac887ee"), std::string("64943D471DC01E086AC887EE"),
          std::string("a&b=c/../\xC3\xBC x"), std::string(128, 'u')})
        BOOST_TEST(complaint(of(fine)) == "");
    BOOST_TEST(has(complaint({}), "parameters.user_id is missing"));
    BOOST_TEST(has(complaint(of("")), "is missing"));
    BOOST_TEST(has(complaint(of(std::string(129, 'u'))), "longer than 128 bytes"));
    for (const std::string& bad : {std::string("a\nb"), std::string("a\rb"), std::string("a\tb"),
                                   std::string("a\0b", 3), std::string("a\x7F")})
        BOOST_TEST(has(complaint(of(bad)), "control character"));
    Parameters two = of("u");
    two.emplace_back("zone", "x");
    BOOST_TEST(has(complaint(two), "take only user_id"));
}

BOOST_AUTO_TEST_CASE(rpm_traits_keep_old_tokens_from_being_handed_out) {
    Account a = rpm_account();
    const Traits traits = readyplayerme().traits(a.client);
    BOOST_TEST((traits.policy == Policy::on_demand));
    BOOST_TEST(traits.hand_out_min.count() == 10'000);
    BOOST_TEST(traits.longest_lifetime->count() == 15'000);
    BOOST_TEST(!traits.single_use_grant);
    BOOST_TEST(traits.parameters == std::vector<std::string>{"user_id"},
               boost::test_tools::per_element());
    a.client.settings["min_remaining"] = {std::string("12s"), "test.toml:8"};
    BOOST_TEST(readyplayerme().traits(a.client).hand_out_min.count() == 12'000);
}
