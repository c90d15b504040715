// What is sent to Immersve, byte by byte (vectors 1 and 12), and what an operator may write and
// import.
#include <boost/json/parse.hpp>

#include "base/limits.hpp"
#include "tests/unit/providers/immersve_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string complaints_about_origin(Value value) {
    Account a = immersve_account();
    a.client.settings["origin"] = {std::move(value), "test.toml:7"};
    return all_mistakes(immersve().check(a.client));
}

constexpr std::int64_t day_ms = 86'400'000;

}  // namespace

BOOST_AUTO_TEST_CASE(immersve_vector_1_the_documented_request) {
    Account a = immersve_account();
    const http::Request r = sent(a.begin(immersve())->start());
    BOOST_TEST(r.method == "POST");
    BOOST_TEST(r.origin == "https://api.immersve.com");
    BOOST_TEST(r.target.view() == "/auth/token");
    BOOST_TEST(r.body.view() ==
               R"({"refreshToken":"R1","clientApplicationId":"29097f50d221858223a17633e36716f9"})");
    BOOST_TEST(r.body.size() == 78U);
    BOOST_TEST(header(r, "Origin") == "https://app.example.com");  // once
    BOOST_TEST(header(r, "Content-Type") == "application/json");
    BOOST_TEST(header(r, "Accept") == "application/json");
    BOOST_TEST(header(r, "Accept-Encoding") == "identity");
    BOOST_TEST(r.headers.size() == 4U);  // no Authorization
    BOOST_TEST(r.spends_grant);
    BOOST_TEST(r.timeout.count() == limits::exchange_timeout_ms.count());
    BOOST_TEST(immersve().traits(a.client).single_use_grant);
    BOOST_TEST(immersve().client_secret_names(a.client).empty());
    BOOST_TEST(immersve().login_flows(a.client).empty());  // by wallet
}

BOOST_AUTO_TEST_CASE(immersve_values_are_escaped_and_the_path_of_base_url_is_kept) {
    Account a = immersve_account();
    a.client.client_id = "a\"b\\c \xC3\xBC";
    a.client.base_url = "https://Test.Immersve.com:443/v2/";
    a.grant = secrets({{"refresh_token", R"(r"t\1)"}, {"probably_spent", "yes"}});
    const http::Request r = sent(a.begin(immersve())->start());
    BOOST_TEST(r.origin == "https://test.immersve.com");
    BOOST_TEST(r.target.view() == "/v2/auth/token");
    BOOST_TEST(
        r.body.view() ==
        "{\"refreshToken\":\"r\\\"t\\\\1\",\"clientApplicationId\":\"a\\\"b\\\\c \xC3\xBC\"}");
    const auto parsed = boost::json::parse(std::string(r.body.view()));
    BOOST_TEST(std::string(parsed.at("refreshToken").as_string()) == R"(r"t\1)");
    BOOST_TEST(immersve().origin(a.client) == "https://test.immersve.com");
}

BOOST_AUTO_TEST_CASE(immersve_vector_12_the_origin_is_normalised_or_refused) {
    for (const auto& [written, expected] : std::vector<std::pair<std::string, std::string>>{
             {"https://App.Example.com:443/", "https://app.example.com"},
             {"HTTPS://app.example.com", "https://app.example.com"},
             {"https://app.example.com:8443", "https://app.example.com:8443"},
             {"http://localhost:3000", "http://localhost:3000"},  // the sandbox's
             {"http://localhost:80/", "http://localhost"},
         }) {
        BOOST_TEST_CONTEXT(written) {
            BOOST_TEST(complaints_about_origin(written) == "");
            Account a = immersve_account();
            a.client.settings["origin"] = {written, "test.toml:7"};
            BOOST_TEST(header(sent(a.begin(immersve())->start()), "Origin") == expected);
        }
    }
    for (const auto& [written, complaint] : std::vector<std::pair<std::string, std::string>>{
             {"https://App.example.com/app",
              "only scheme, host and port: \"https://app.example.com\""},
             {"https://app.example.com?x=1", "has a query"},
             {"https://app.example.com#x", "has a fragment"},
             {"https://user:pw@app.example.com", "user name or password"},
             {"app.example.com", "right would be \"https://app.example.com\""},
             {"ftp://app.example.com", "must begin with https:// or http://"},
             {"https://app.example.com\r\nX-Y: z", "control character"},
             {"https://\xC3\xA4pp.example.com", "beyond ASCII"},
             {"https://app.example.com:99999", "port that can't be"},
             {"null", "right would be"},
             {"", "right would be"},
         }) {
        BOOST_TEST_CONTEXT(written) {
            const std::string text = complaints_about_origin(written);
            BOOST_TEST(has(text, "test.toml:7: origin "), text);
            BOOST_TEST(has(text, complaint), text);
            Account a = immersve_account();  // never sent as it is
            a.client.settings["origin"] = {written, "test.toml:7"};
            BOOST_TEST(done<Failed>(a.begin(immersve())->start()).code == "bad_origin");
        }
    }
    BOOST_TEST(has(complaints_about_origin(true), "must be a string in quotes"));
}

BOOST_AUTO_TEST_CASE(immersve_settings) {
    BOOST_TEST(all_mistakes(immersve().check(immersve_account().client)) == "");
    Account a = immersve_account();
    a.client.settings.clear();
    a.client.client_id = "";
    a.client.scopes = {"x"};
    a.client.base_url = "http://api.example.com";
    const std::string text = all_mistakes(immersve().check(a.client));
    BOOST_TEST(has(text, "test.toml:1: origin is missing"));
    BOOST_TEST(has(text, "client_id is missing"));
    BOOST_TEST(has(text, "scopes is nothing that Immersve has"));
    BOOST_TEST(has(text, "base_url is not encrypted"));
    a = immersve_account();
    a.client.client_id = "a\r\nX-Y: z";
    a.client.settings["orgin"] = {std::string("x"), "test.toml:8"};
    const std::string more = all_mistakes(immersve().check(a.client));
    BOOST_TEST(has(more, "client_id holds a control character"));
    BOOST_TEST(has(more, "test.toml:8: orgin is not a key of a immersve client; did you mean"));
    BOOST_TEST(immersve().warnings(a.client).empty());
}

BOOST_AUTO_TEST_CASE(immersve_what_is_missing_is_said_without_a_request) {
    Account a = immersve_account();
    a.grant = {};
    const auto none = done<Failed>(a.begin(immersve())->start());
    BOOST_TEST((none.failure == FailureClass::reauth));
    BOOST_TEST(none.code == "no_grant");
    a = immersve_account();
    a.client.base_url = "nonsense";
    BOOST_TEST(done<Failed>(a.begin(immersve())->start()).code == "bad_base_url");
    for (const Purpose purpose : {Purpose::probe, Purpose::revoke})
        BOOST_TEST(done<Failed>(immersve_account().begin(immersve(), purpose)->start()).code ==
                   "unsupported");
}

BOOST_AUTO_TEST_CASE(immersve_importing_a_refresh_token) {
    const auto import = [](std::string_view text) {
        return immersve().import_grant(immersve_account().client, {},
                                       secrets({{"refresh_token", text}}));
    };
    struct Row {
        std::string pasted;
        std::int64_t lifetime_ms;
        std::size_t notices;
    };
    for (const Row& row : std::vector<Row>{
             {immersve_r2 + "\r\n", 30 * day_ms, 0},
             {immersve_a2, 1'200'000, 1},  // an access token, by the look of it
             {jwt_of(R"({"iat":1700000000,"exp":1701728000})"), 20 * day_ms, 0},
             {jwt_of(R"({"exp":1701728000})"), 30 * day_ms, 0},  // since when?
             {jwt_of(R"({"iat":1700000000,"exp":1701728000000})"), 30 * day_ms, 0},
             {jwt_of(R"({"iat":1700000000,"exp":1e400})"), 30 * day_ms, 0},
             {"opaque", 30 * day_ms, 1},
         }) {
        BOOST_TEST_CONTEXT(row.pasted) {
            const auto result = import(row.pasted);
            BOOST_REQUIRE(result.has_value());
            BOOST_TEST(row.pasted.starts_with(result->grant.find("refresh_token")->view()));
            BOOST_TEST(result->grant.list().size() == 1U);
            BOOST_TEST(result->grant_lifetime->count() == row.lifetime_ms);
            BOOST_TEST(result->notices.size() == row.notices);
        }
    }
    const std::string too_long(limits::secret_bytes_max + 1, 'x');
    for (const auto& [pasted, complaint] : std::vector<std::pair<std::string, std::string>>{
             {"", "empty"},
             {"\n", "empty"},
             {immersve_r2 + "\n" + immersve_r2, "line break"},
             {"eyJ\xC2\xA0", "beyond ASCII"},
             {"Bearer eyJ", "several words"},
             {"\"eyJ\"", "quotes"},
             {R"({"refreshToken":"eyJ"})", "JSON"},
             {too_long, "longer than 16384 bytes"},
         }) {
        const auto result = import(pasted);
        BOOST_REQUIRE(!result.has_value());
        BOOST_TEST((result.error().code == errc::invalid_parameter));
        BOOST_TEST(has(result.error().message, complaint), result.error().message);
    }
    const auto other = immersve().import_grant(immersve_account().client, {},
                                               secrets({{"probably_spent", "yes"}}));
    BOOST_REQUIRE(!other.has_value());
    BOOST_TEST(has(other.error().message, "only refresh_token"));
    BOOST_TEST(!immersve().import_grant(immersve_account().client, {}, {}).has_value());
}
