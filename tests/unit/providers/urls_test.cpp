// Addresses: section 0.1, vectors 3.12, 4.13 and 5.10.
#include "providers/urls.hpp"

#include <boost/test/unit_test.hpp>

using namespace tb;
using namespace tb::providers;

namespace {
std::string base(std::string_view text, bool loopback = false) {
    const auto url = parse_base_url(text, loopback);
    return url ? url->origin + " " + url->prefix : "refused: " + url.error().message;
}
std::string origin(std::string_view text) {
    const auto result = normalize_origin(text);
    return result ? *result : "refused";
}
}  // namespace

BOOST_AUTO_TEST_CASE(base_urls) {
    BOOST_TEST(base("https://Api.Example.com") == "https://api.example.com ");
    BOOST_TEST(base("HTTPS://api.example.com:443/") == "https://api.example.com ");
    BOOST_TEST(base("https://api.example.com:8443/v2/x//") == "https://api.example.com:8443 /v2/x");
    BOOST_TEST(base("https://192.0.2.1/") == "https://192.0.2.1 ");
    BOOST_TEST(base("https://[2001:DB8::1]:8443") == "https://[2001:db8::1]:8443 ");
    BOOST_TEST(base("http://localhost:8080", true) == "http://localhost:8080 ");
    BOOST_TEST(base("http://127.0.0.1:80", true) == "http://127.0.0.1 ");
    BOOST_TEST(base("http://[::1]:9", true) == "http://[::1]:9 ");
    for (const char* wrong : {"",
                              "api.example.com",
                              "https://",
                              "https:///x",
                              "https://user@api.example.com",
                              "https://u:p@api.example.com",
                              "https://api.example.com?x",
                              "https://api.example.com#x",
                              "https://api.example.com/\r\nX: y",
                              "https://api example.com",
                              "https://api.example.com:0",
                              "https://api.example.com:99999",
                              "https://a..example.com",
                              "https://-a.example.com",
                              "https://a.evil.com%2f",
                              "https://ex\xC3\xA4mple.com",
                              "https://api.example.com/../x",
                              "https://api.example.com/%2e%2e/x",
                              "ftp://api.example.com",
                              "http://api.example.com",
                              "https://api.example.com\\@evil.example",
                              "https:/api.example.com",
                              "https://api.example.com:15m:44/"})
        BOOST_TEST(base(wrong, true).starts_with("refused"), wrong << " -> " << base(wrong, true));
    BOOST_TEST(base("http://localhost:1").find("allow_loopback_http") != std::string::npos);
    BOOST_TEST(base("http://localhost.evil.com", true).starts_with("refused"));
}

BOOST_AUTO_TEST_CASE(endpoints) {
    const auto endpoint = [](std::string_view text, bool loopback = false) {
        const auto url = parse_endpoint(text, loopback);
        return url ? url->origin + " " + url->target : "refused: " + url.error().message;
    };
    BOOST_TEST(endpoint("https://Id.Example.com:443") == "https://id.example.com /");
    BOOST_TEST(endpoint("https://id.example.com/a/B/") == "https://id.example.com /a/B/");
    BOOST_TEST(endpoint("https://id.example.com/t?x=%20&y") == "https://id.example.com /t?x=%20&y");
    BOOST_TEST(endpoint("https://id.example.com?") == "https://id.example.com /?");
    BOOST_TEST(endpoint("http://[::1]:9/t", true) == "http://[::1]:9 /t");
    for (const char* wrong :
         {"", "/token", "https://u:p@id.example.com/", "https://id.example.com/#a",
          "https://id.example.com/a/../b", "https://id.example.com/ b", "http://id.example.com/",
          "https://id.example.com:0/", "ftp://id.example.com/", "https://id.example.com/\r\nX: y"})
        BOOST_TEST(endpoint(wrong, true).starts_with("refused"), wrong);
    BOOST_TEST(endpoint("http://localhost:1/").find("allow_loopback_http") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(origins) {
    BOOST_TEST(origin("https://App.Example.com:443/") == "https://app.example.com");  // 3.12
    BOOST_TEST(origin("http://localhost:3000") == "http://localhost:3000");
    BOOST_TEST(origin("http://localhost:80") == "http://localhost");
    for (const char* wrong : {"", "app.example.com", "https://app.example.com/x", "null",
                              "file:///x", "https://app.example.com?x", "https://a@b.example"})
        BOOST_TEST(origin(wrong) == "refused", wrong);
}

BOOST_AUTO_TEST_CASE(domains) {
    struct Row {
        const char* pattern;
        const char* origin;
        bool match;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"*.example.com", "a.example.com", true},  // 5.10
             {"*.example.com", "a.b.example.com", true},
             {"*.example.com", "example.com", false},
             {"*.example.com", "evilexample.com", false},
             {"*.example.com", "example.com.evil.net", false},
             {"*.example.com", ".example.com", false},
             {"Shop.Example.com", "https://shop.example.COM:8443", true},
             {"https://shop.example.com:1", "http://shop.example.com", true},
             {"shop.example.com", "a.shop.example.com", false},
             {"localhost", "http://localhost:3000", true},
             {"localhost", "https://localhost.evil.net", false},
             {"*.example.com", "https://evil.net/a.example.com", false},
             {"*.example.com", "https://evil.net#a.example.com", false},
             {"*.example.com", "https://a.example.com@evil.net", false},
             {"*", "a.example.com", false},
             {"", "", false},
         })
        BOOST_TEST(domain_matches(row.pattern, row.origin) == row.match,
                   row.pattern << " " << row.origin);
    for (const char* good : {"a.example.com", "*.example.com", "localhost", "127.0.0.1"})
        BOOST_TEST(check_domain(good).has_value());
    for (const char* bad : {"", "*", "*.", "a*.example.com", "a.*.com", "*.*.com", "a b", "a/b"})
        BOOST_TEST(!check_domain(bad).has_value(), bad);
}
