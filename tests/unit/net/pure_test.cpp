// Origins, request text, classes by status, and which connection is kept.
#define BOOST_TEST_MODULE net
#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "net/failures.hpp"
#include "net/idle_pool.hpp"
#include "net/lateness.hpp"
#include "net/origin.hpp"
#include "net/request_text.hpp"
#include "net/resolver.hpp"

using namespace tb;
using namespace tb::net;

BOOST_AUTO_TEST_CASE(origins) {
    const Origin plain = *parse_origin("https://api.example.com");
    BOOST_TEST(plain.tls);
    BOOST_TEST(plain.host == "api.example.com");
    BOOST_TEST(plain.port == 443);
    BOOST_TEST(plain.host_header == "api.example.com");
    BOOST_TEST(plain.host_and_port == "api.example.com:443");
    BOOST_TEST(!plain.is_address);
    BOOST_TEST(parse_origin("HTTPS://API.Example.com:443")->text == "https://api.example.com");

    const Origin six = *parse_origin("https://[::1]:8443");
    BOOST_TEST(six.host == "::1");
    BOOST_TEST(six.is_address);
    BOOST_TEST(six.host_header == "[::1]:8443");
    const Origin four = *parse_origin("http://127.0.0.1:80");
    BOOST_TEST(four.is_address);
    BOOST_TEST(!four.tls);
    BOOST_TEST(four.host_header == "127.0.0.1");

    for (const std::string bad :
         {"", "api.example.com", "ftp://a", "https://", "https://a/", "https://a/b", "https://a?q",
          "https://a#f", "https://u@a", "https://a:0", "https://a:65536", "https://a b",
          "https://a%20b", "https://[::1", "https://[v1.x]"})
        BOOST_TEST(parse_origin(bad).has_error(), bad);
    const auto secret = parse_origin("https://user:pw_test_1@a");
    BOOST_TEST(secret.error().message.find("pw_test_1") == std::string::npos);
    BOOST_TEST(parse_proxy("http://proxy:3128").has_value());
    BOOST_TEST(parse_proxy("https://proxy:3128").has_error());
}

BOOST_AUTO_TEST_CASE(bodies_and_lengths) {
    const Origin origin = *parse_origin("https://a");
    const auto text = [&](const char* method, const char* body) {
        http::Request request;
        request.method = method;
        request.target = Secret("/");
        request.body = Secret(body);
        return std::string(request_text(request, origin, "ua/1")->view());
    };
    BOOST_TEST(text("GET", "").find("Content-Length") == std::string::npos);
    BOOST_TEST(text("POST", "").find("Content-Length: 0\r\n") != std::string::npos);
    BOOST_TEST(text("POST", "abc").ends_with("Content-Length: 3\r\n\r\nabc"));
}

BOOST_AUTO_TEST_CASE(a_refused_header_is_named_without_its_value) {
    http::Request request;
    request.method = "GET";
    request.target = Secret("/");
    request.headers.push_back({"x-api-key", Secret(std::string("sk_test_1\0", 10))});
    const auto text = request_text(request, *parse_origin("https://a"), "ua/1");
    BOOST_REQUIRE(text.has_error());
    BOOST_TEST(text.error().message.find("x-api-key") != std::string::npos);
    BOOST_TEST(text.error().message.find("sk_test_1") == std::string::npos);
    for (const std::string name : {"Host", "connection", "TRANSFER-ENCODING", "a b", "a:", ""}) {
        http::Request other;
        other.method = "GET";
        other.target = Secret("/");
        other.headers.push_back({name, Secret("x")});
        BOOST_TEST(request_text(other, *parse_origin("https://a"), "ua/1").has_error(), name);
    }
}

BOOST_AUTO_TEST_CASE(classes_by_status) {
    const auto of = [](int status) {
        return std::string(to_string(unusable(status, "too_large", "x").failure));
    };
    for (const int status : {0, 200, 201, 502, 504})
        BOOST_TEST(of(status) == "AMBIG");
    for (const int status : {408, 425, 429, 500, 503, 511})
        BOOST_TEST(of(status) == "RETRY");
    for (const int status : {301, 400, 401, 404, 431})
        BOOST_TEST(of(status) == "NEVER");
    BOOST_TEST(status_of("HTTP/1.1 503 x") == 503);
    BOOST_TEST(status_of("HTTP/1.1 5x3 x") == 0);
    BOOST_TEST(status_of("HTTP/1.1 5") == 0);
    BOOST_TEST(status_of("GET / HTTP/1.1") == 0);
}

namespace {
struct Fake {
    int number;
};
std::unique_ptr<Fake> fake(int number) {
    return std::make_unique<Fake>(Fake{number});
}
BootTime at(std::int64_t ms) {
    return boot_from_ms(ms);
}
}  // namespace

BOOST_AUTO_TEST_CASE(the_newest_idle_connection_first_and_none_too_old) {
    IdlePool<Fake> pool(1000ms);
    pool.put("a", fake(1), at(0));
    pool.put("a", fake(2), at(500));
    pool.put("b", fake(3), at(600));
    BOOST_TEST((*pool.next_expiry() == at(1000)));
    BOOST_TEST(!pool.take("a", at(700), 200ms));  // idle for 200 is not less than 200
    BOOST_TEST(pool.take("a", at(699), 200ms)->number == 2);
    BOOST_TEST(!pool.take("a", at(1000), 5000ms));  // idle_max rules
    BOOST_TEST(!pool.take("c", at(0), 5000ms));
    pool.expire(at(1000));
    BOOST_TEST(pool.size() == 1U);
    pool.expire(at(1600));
    BOOST_TEST(pool.size() == 0U);
    BOOST_TEST(!pool.next_expiry());
}

BOOST_AUTO_TEST_CASE(idle_connections_per_origin_max_and_idle_connections_max_hold) {
    IdlePool<Fake> pool(1000ms);
    for (int i = 0; i <= limits::idle_connections_per_origin_max; ++i)
        pool.put("a", fake(i), at(i));
    BOOST_TEST(pool.size() == static_cast<std::size_t>(limits::idle_connections_per_origin_max));
    BOOST_TEST((*pool.next_expiry() == at(1001)));  // the oldest went
    for (std::size_t i = 0; i <= limits::idle_connections_max; ++i)
        pool.put("o" + std::to_string(i), fake(0), at(200));
    BOOST_TEST(pool.size() == limits::idle_connections_max);
    BOOST_TEST(!pool.take("a", at(201), 1000ms));  // all of "a" was older
}

BOOST_AUTO_TEST_CASE(addresses_by_turns_and_addresses_max) {
    const auto ip = [](const char* text) { return asio::ip::make_address(text); };
    const Addresses mixed{ip("::1"), ip("::2"), ip("::3"), ip("10.0.0.1"), ip("10.0.0.2")};
    const Addresses wanted{ip("::1"), ip("10.0.0.1"), ip("::2"), ip("10.0.0.2"), ip("::3")};
    BOOST_TEST((by_turns(mixed) == wanted));
    BOOST_TEST(by_turns({}).empty());
    const Addresses many(limits::addresses_max + 1, ip("10.0.0.1"));
    BOOST_TEST(by_turns(many).size() == limits::addresses_max);
}

BOOST_AUTO_TEST_CASE(a_late_deadline_is_put_off_a_few_times_by_as_long_as_we_were_away) {
    // We may have come back just before it: one look at the socket in any case, and only one.
    BOOST_TEST(put_off(Millis{0}, 0)->count() == limits::late_min_ms.count());
    BOOST_TEST(!put_off(Millis{0}, 1));
    BOOST_TEST(!put_off(limits::late_min_ms - Millis{1}, 1));
    BOOST_TEST(put_off(limits::late_min_ms, 1)->count() == limits::late_min_ms.count());
    BOOST_TEST(put_off(Millis{700}, 0)->count() == 700);
    BOOST_TEST(put_off(Millis{3'600'000}, 0)->count() == limits::put_off_max_ms.count());
    BOOST_TEST(put_off(Millis{700}, limits::put_off_max - 1).has_value());
    BOOST_TEST(!put_off(Millis{700}, limits::put_off_max));
}
