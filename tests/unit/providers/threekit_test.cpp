// Threekit: vectors 1 to 11, and the settings of both kinds of token.
#include "tests/unit/providers/support.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr std::string_view id = "8f14e45f-ceea-467f-a8d2-1b2c3d4e5f60";

const Provider& threekit() {
    return *find_provider("threekit");
}
void set(Account& a, const std::string& key, Value value) {
    a.client.settings[key] = Setting{std::move(value), "test.toml:7"};
}
Account private_account() {
    Account a;
    a.client.name = "configurator";
    a.client.provider = "threekit";
    a.client.place = "test.toml:1";
    set(a, "environment", "preview");
    a.grant = secrets({{"token", id}});
    return a;
}
Account public_account() {
    Account a = private_account();
    set(a, "kind", "public");
    set(a, "domains", std::vector<std::string>{"shop.example.com", "*.example.org"});
    set(a, "origin", "https://Shop.Example.com:443/");
    return a;
}
Failed probe_fails(Account a, http::Outcome outcome) {
    auto exchange = a.begin(threekit(), Purpose::probe);
    (void)sent(exchange->start());
    return done<Failed>(exchange->resume(std::move(outcome)));
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(vectors_1_to_5_importing) {
    const auto import = [](std::string_view text) {
        return threekit().import_grant(private_account().client, {}, secrets({{"token", text}}));
    };
    struct Good {
        std::string text;
        std::size_t notices;
    };
    const std::string token(id);
    for (const Good& good : std::vector<Good>{{token + "\n", 0},
                                              {"Bearer " + token, 1},
                                              {"bearer  " + token + "\r\n", 1},
                                              {"\"" + token + "\"", 1},
                                              {"'Bearer " + token + "'\n", 2}}) {
        const auto result = import(good.text);
        BOOST_REQUIRE(result.has_value());
        BOOST_TEST(result->grant.find("token")->view() == id);
        BOOST_TEST(result->notices.size() == good.notices);
        BOOST_REQUIRE(result->token.has_value());
        BOOST_TEST(result->token->access_token.view() == id);
        BOOST_TEST(!result->token->lifetime.has_value());  // never
    }
    for (const std::string& bad : {token + "\n" + token, std::string(), std::string(" \r\n\t"),
                                   token + "\xC2\xA0", token + "\xC2\xA0\n", std::string("Bearer "),
                                   std::string("\"\""), "a b" + token, std::string(16'385, 'a')})
        BOOST_TEST(!import(bad).has_value());
    BOOST_TEST(has(import(token + "\n" + token).error().message, "more than one line"));
    const auto odd = import("not-a-uuid");
    BOOST_REQUIRE(odd.has_value());  // only a notice
    BOOST_TEST(odd->notices.size() == 1U);
    BOOST_TEST(!threekit().import_grant(private_account().client, {}, secrets({{"x", id}})));
}

BOOST_AUTO_TEST_CASE(vector_6_the_private_probe) {
    Account a = private_account();
    auto exchange = a.begin(threekit(), Purpose::probe);
    const http::Request r = sent(exchange->start());
    BOOST_TEST(r.method == "GET");
    BOOST_TEST(r.origin == "https://preview.threekit.com");
    BOOST_TEST(r.target.view() == "/api/catalog/products?name=0807060504030201");
    BOOST_TEST(header(r, "Authorization") == "Bearer 8f14e45f-ceea-467f-a8d2-1b2c3d4e5f60");
    BOOST_TEST(header(r, "Origin") == "");
    BOOST_TEST(!r.spends_grant);
    (void)done<Probed>(exchange->resume(json_reply(200, "[]")));
}

BOOST_AUTO_TEST_CASE(vector_7_the_public_probe) {
    Account a = public_account();
    const http::Request r = sent(a.begin(threekit(), Purpose::probe)->start());
    BOOST_TEST(header(r, "Origin") == "https://shop.example.com");
    BOOST_TEST(header(r, "Authorization") == "");
    BOOST_TEST(r.target.view() ==
               "/api/catalog/products?bearer_token=8f14e45f-ceea-467f-a8d2-1b2c3d4e5f60"
               "&name=0807060504030201");
}

BOOST_AUTO_TEST_CASE(vectors_8_and_9_what_a_probe_says) {
    for (const int status : {401, 403}) {
        const Failed f = probe_fails(private_account(), json_reply(status, "{}"));
        BOOST_TEST((f.failure == FailureClass::config));
        BOOST_TEST(f.code == (status == 401 ? "rejected" : "forbidden"));
        BOOST_TEST(!f.counts_for_origin);
    }
    for (const int status : {429, 500, 502, 503, 504}) {
        const Failed f = probe_fails(private_account(), reply(status, "", {{"retry-after", "9"}}));
        BOOST_TEST((f.failure == FailureClass::retry));
        BOOST_TEST(f.retry_after->count() == 9'000);
    }
    for (const int status : {200, 401, 403}) {  // a portal's, a gateway's
        const Failed page = probe_fails(
            private_account(), reply(status, "<html>portal", {{"content-type", "text/html"}}));
        BOOST_TEST((page.failure == FailureClass::retry), status);
    }
    const Failed odd = probe_fails(private_account(), reply(204, "", {}));
    BOOST_TEST((odd.failure == FailureClass::retry));
    http::Failure lost{FailureClass::ambiguous, true, "reset", "reset"};
    const Failed reset = probe_fails(private_account(), std::move(lost));
    BOOST_TEST((reset.failure == FailureClass::retry));
    const Failed gone = probe_fails(private_account(), reply(404, "", {}));
    BOOST_TEST(gone.code == "http_404");  // the address is wrong, not the token
    // A public token is in the address: none of it goes along, or into a message.
    const Failed moved = probe_fails(
        public_account(),
        reply(302, "",
              {{"location", "https://evil.example/?bearer_token=" + std::string(id) + "&name=0"}}));
    BOOST_TEST((moved.failure == FailureClass::never));
    BOOST_TEST(has(moved.reason, "evil.example"));
    BOOST_TEST(!has(moved.reason, id));
}

BOOST_AUTO_TEST_CASE(vector_10_domains) {
    Account a = public_account();
    set(a, "domains", std::vector<std::string>{"*.example.com"});
    const auto allowed = [&](std::string origin) {
        Parameters parameters;
        parameters.emplace_back("origin", std::move(origin));
        return threekit().check_parameters(a.client, {}, parameters).has_value();
    };
    BOOST_TEST(allowed("https://a.example.com"));
    BOOST_TEST(allowed("https://A.b.Example.com:8443"));
    BOOST_TEST(allowed("a.b.example.com"));
    BOOST_TEST(!allowed("https://example.com"));
    BOOST_TEST(!allowed("https://evilexample.com"));
    BOOST_TEST(!allowed("https://example.com.evil.net"));
    BOOST_TEST(!allowed("https://a.example.com/path"));
    for (const char* elsewhere :
         {"", ".", "*.example.com", ".example.com", "a..example.com", "null",
          "https://a.example.com@evil.net", "https://evil.net#a.example.com",
          "https://evil.net?a.example.com", "https://a.example.com:80:90", "a.example.com\n",
          "a b.example.com", "\xC3\xA4.example.com", "a.example.com."})
        BOOST_TEST(!allowed(elsewhere), elsewhere);
    BOOST_TEST(threekit().check_parameters(a.client, {}, {}).has_value());
    Parameters other;
    other.emplace_back("user_id", "1");
    const auto refused = threekit().check_parameters(a.client, {}, other);
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST((refused.error().code == errc::invalid_parameter));
    BOOST_TEST(has(refused.error().message, "only origin"));
    other = {};
    other.emplace_back("origin", "https://a.example.com");  // not of a private token
    BOOST_TEST(!threekit().check_parameters(private_account().client, {}, other).has_value());
}

BOOST_AUTO_TEST_CASE(vector_11_a_swapped_token_is_served_whole) {
    Account a = public_account();
    set(a, "org_id", "org-1");
    const Minted first = done<Minted>(a.begin(threekit())->start());
    a.grant = secrets({{"token", "00000000-0000-4000-8000-000000000000"}});
    const Minted second = done<Minted>(a.begin(threekit())->start());
    BOOST_TEST(first.access_token.view() == id);
    BOOST_TEST(second.access_token.view() == "00000000-0000-4000-8000-000000000000");
    BOOST_TEST(second.query_name == "bearer_token");
    BOOST_TEST(second.header_name ==
               "Authorization");  // both forms, for those outside of a browser
    BOOST_TEST(second.header_prefix == "Bearer ");
    BOOST_TEST(!second.lifetime.has_value());
    const Pairs expected = {{"kind", "public"}, {"org_id", "org-1"}};
    BOOST_TEST((second.attributes == expected));
    BOOST_TEST(done<Minted>(private_account().begin(threekit())->start()).query_name == "");
}

BOOST_AUTO_TEST_CASE(settings_of_both_kinds) {
    BOOST_TEST(all_mistakes(threekit().check(private_account().client)) == "");
    BOOST_TEST(all_mistakes(threekit().check(public_account().client)) == "");
    BOOST_TEST(threekit().origin(private_account().client) == "https://preview.threekit.com");
    BOOST_TEST((threekit().traits(private_account().client).policy == Policy::static_token));

    struct Row {
        std::string key;
        Value value;
        std::string expected;
    };
    using List = std::vector<std::string>;
    const std::vector<Row> rows = {
        {"kind", "secret", "right would be \"private\" or \"public\""},
        {"environment", "test", "right would be \"preview\" or \"admin\""},
        {"domains", "shop.example.com", "must be a list"},
        {"domains", List{}, "domains is missing"},
        {"domains", List{"*"}, "holds \"*\", which is no domain"},
        {"domains", List{"shop.example.com", "a.*.example.com"}, "holds \"a.*.example.com\""},
        {"domains", List{"shop.example.com", "a*.example.com"}, "holds \"a*.example.com\""},
        {"domains", List{"shop.example.com", "*a.example.com"}, "holds \"*a.example.com\""},
        {"domains", List{"shop.example.com", "**.example.com"}, "holds \"**.example.com\""},
        {"domains", List{"shop.example.com", "*.*.example.com"}, "holds \"*.*.example.com\""},
        {"domains", List{"shop.example.com", "shop.*"}, "holds \"shop.*\""},
        {"domains", List{"shop.example.com", "a\n\x1b[2J.example.com"},
         "holds \"a\\x0a\\x1b[2J.example.com\""},
        {"domains", List{"shop.example.com", ""}, "holds \"\""},
        {"domains", List{"other.example.com"}, "origin is in none of the domains"},
        {"origin", "https://shop.example.com/x", "origin has a path"},
        {"max_age", "90", "max_age must be"},
        {"org_id", "", "org_id is empty"},
        {"domain", List{"x"}, "did you mean domains?"},
    };
    for (const Row& row : rows) {
        Account a = public_account();
        set(a, row.key, row.value);
        const std::string text = all_mistakes(threekit().check(a.client));
        BOOST_TEST(has(text, row.expected), row.key << ": " << text);
    }
    Account a = public_account();
    a.client.settings.erase("origin");
    a.client.client_id = "x";
    a.client.scopes = {"x"};
    a.client.base_url = "https://preview.threekit.com";
    const std::string text = all_mistakes(threekit().check(a.client));
    for (const char* part : {"origin is missing", "client_id is nothing", "scopes is nothing",
                             "environment and base_url are both set"})
        BOOST_TEST(has(text, part), text);
    a = private_account();
    a.client.settings.erase("environment");
    set(a, "domains", List{"x.example.com"});
    const std::string more = all_mistakes(threekit().check(a.client));
    BOOST_TEST(has(more, "base_url is missing"));
    BOOST_TEST(has(more, "domains is only for public tokens"));
    set(a, "max_age", "90d");
    BOOST_TEST(threekit().traits(a.client).max_age->count() == 90LL * 86'400'000);
}
