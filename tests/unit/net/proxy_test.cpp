// Through a proxy: the tunnel first, verification of the server within it, and no byte of the
// request for the proxy.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "harness.hpp"

using namespace tb;
using namespace tb::net::test;

namespace {

// Copies both ways until one side ends.
void pump(int a, int b) {
    char bytes[8192];
    for (;;) {
        pollfd both[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
        if (::poll(both, 2, 5'000) <= 0) return;
        for (int i = 0; i < 2; ++i) {
            if (both[i].revents == 0) continue;
            const ssize_t n = ::recv(both[i].fd, bytes, sizeof bytes, 0);
            if (n <= 0) return;
            if (::send(both[1 - i].fd, bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL) != n)
                return;
        }
    }
}

Script tunnel_to(std::uint16_t port) {
    return [port](Peer& peer) {
        if (!peer.read_request()) return;
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return;
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0) {
            peer.send("HTTP/1.1 200 Connection established\r\n\r\n");
            pump(peer.fd(), fd);
        }
        ::close(fd);
    };
}

ServerOptions proxy_of(Script script) {
    ServerOptions options;
    options.plain = true;
    options.script = std::move(script);
    return options;
}

http::Request through(const Harness& h, const TestServer& proxy, const std::string& origin) {
    http::Request request = h.post(origin, true);
    request.proxy = proxy.origin("127.0.0.1");
    return request;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_tunnel_carries_kept_connections) {
    Harness h;
    const Identity identity = h.ca.issue({.names = "DNS:api.example"});
    TestServer server(&identity);
    TestServer proxy(nullptr, proxy_of(tunnel_to(server.port())));
    const std::string origin = "https://api.example:" + std::to_string(server.port());
    for (int i = 0; i < 3; ++i)  // the client itself can't look api.example up
        BOOST_TEST(reply(h.run(through(h, proxy, origin))).status == 200);
    BOOST_TEST(proxy.connections() == 1);
    BOOST_TEST(server.requests() == 3);
    const std::string where = "api.example:" + std::to_string(server.port());
    BOOST_TEST(proxy.last_request().find("CONNECT " + where + " HTTP/1.1\r\nHost: " + where +
                                         "\r\n") == 0U);
    BOOST_TEST(proxy.last_request().find("rt_test") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_server_behind_a_proxy_is_verified) {
    Harness h;
    const Identity identity = h.ca.issue({.names = "DNS:other.example"});
    TestServer server(&identity);
    TestServer proxy(nullptr, proxy_of(tunnel_to(server.port())));
    const http::Outcome outcome = h.run(through(h, proxy, "https://api.example"));
    BOOST_TEST(failure(outcome).code == "tls_verify");
    BOOST_TEST(server.requests() == 0);
}

BOOST_AUTO_TEST_CASE(refusals_of_a_proxy) {
    Harness h;
    const auto refused = [&h](const std::string& status_line) {
        TestServer proxy(nullptr, proxy_of([status_line](Peer& peer) {
                             peer.read_request();
                             peer.send(status_line + "\r\nContent-Length: 5\r\n\r\nsorry");
                             peer.hold();
                         }));
        http::Outcome outcome = h.run(through(h, proxy, "https://api.example"));
        BOOST_TEST(failure(outcome).code == "proxy");
        BOOST_TEST(!failure(outcome).sent);
        BOOST_TEST(proxy.last_request().find("rt_test") == std::string::npos);
        return std::string(to_string(failure(outcome).failure));
    };
    BOOST_TEST(refused("HTTP/1.1 407 Proxy Authentication Required") == "CONFIG");
    BOOST_TEST(refused("HTTP/1.1 403 Forbidden") == "RETRY");
    BOOST_TEST(refused("HTTP/1.1 502 Bad Gateway") == "RETRY");
    BOOST_TEST(refused("garbage") == "RETRY");
    // A server never speaks first in TLS: these bytes are the proxy's own.
    BOOST_TEST(refused("HTTP/1.1 200 OK\r\n\r\nHello") == "RETRY");
}

BOOST_AUTO_TEST_CASE(a_proxy_that_is_not_there_or_never_answers) {
    Harness h;
    http::Request request = h.get("https://api.example");
    {
        TestServer gone(nullptr, proxy_of(serve_all));
        request.proxy = gone.origin("127.0.0.1");
    }
    const http::Outcome gone = h.run(std::move(request));
    BOOST_TEST(failure(gone).code == "proxy");
    BOOST_TEST(to_string(failure(gone).failure) == "RETRY");

    TestServer silent(nullptr, proxy_of([](Peer& peer) { peer.hold(); }));
    http::Request late = through(h, silent, "https://api.example");
    late.timeout = Millis{150};
    const http::Outcome outcome = h.run(std::move(late));
    BOOST_TEST(failure(outcome).code == "timeout");
    BOOST_TEST(to_string(failure(outcome).failure) == "RETRY");
    BOOST_TEST(!failure(outcome).sent);
}

BOOST_AUTO_TEST_CASE(a_proxy_that_is_no_proxy) {
    Harness h;
    for (const std::string proxy :
         {"https://proxy.example:3128", "proxy.example", "http://user:pw_test_1@proxy.example"}) {
        http::Request request = h.get("https://api.example");
        request.proxy = proxy;
        const http::Outcome outcome = h.run(std::move(request));
        BOOST_TEST(failure(outcome).code == "proxy");
        BOOST_TEST(to_string(failure(outcome).failure) == "CONFIG");
        BOOST_TEST(failure(outcome).reason.find("pw_test_1") == std::string::npos);
    }
}
