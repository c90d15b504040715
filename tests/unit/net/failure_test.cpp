// Every way an exchange can fail, its class and code, and whether something was sent. Deadlines are
// short here and must hold to the deadline, not to each step.
#include <boost/test/unit_test.hpp>
#include <thread>

#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::net::test;

namespace {

struct Expected {
    std::string_view failure;
    std::string_view code;
    bool sent;
};

void check(const http::Outcome& outcome, const Expected& expected) {
    const http::Failure& f = failure(outcome);
    BOOST_TEST(to_string(f.failure) == expected.failure, f.reason);
    BOOST_TEST(f.code == expected.code, f.code + ": " + f.reason);
    BOOST_TEST(f.sent == expected.sent, f.reason);
    BOOST_TEST(f.reason.find("rt_test_1") == std::string::npos);
}

// A grant posted to a server of this script.
http::Outcome post_to(Harness& h, Script script) {
    const Identity identity = h.ca.issue();
    ServerOptions options;
    options.script = std::move(script);
    TestServer server(&identity, std::move(options));
    return h.run(h.post(server.origin(), true));
}

// The same with a deadline, on a connection that is there already: it hits the reply.
http::Outcome post_late(Harness& h, Script script) {
    const Identity identity = h.ca.issue();
    ServerOptions options;
    options.script = [script = std::move(script)](Peer& peer) {
        if (peer.read_request()) peer.send(reply_of("{}"));
        if (peer.read_request()) script(peer);
    };
    TestServer server(&identity, std::move(options));
    BOOST_TEST(reply(h.run(h.get(server.origin()))).status == 200);
    http::Request request = h.post(server.origin(), true);
    request.timeout = Millis{200};
    const long began = now_ms();
    http::Outcome outcome = h.run(std::move(request));
    BOOST_TEST(now_ms() - began >= 199);
    BOOST_TEST(now_ms() - began < 10'000);
    return outcome;
}

// One reply, then the end in the way of TLS.
http::Outcome answered(Harness& h, std::string bytes) {
    return post_to(h, [bytes = std::move(bytes)](Peer& peer) {
        if (!peer.read_request()) return;
        peer.send(bytes);
        peer.close_notify();
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_refused_connection) {
    Harness h;
    std::uint16_t port = 0;
    {
        ServerOptions options;
        options.plain = true;
        port = TestServer(nullptr, std::move(options)).port();
    }
    const http::Outcome outcome = h.run(h.get("https://localhost:" + std::to_string(port)));
    check(outcome, {"RETRY", "connect", false});
    BOOST_TEST(failure(outcome).reason.find("refused") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_name_that_is_not_found) {
    Harness h({.overrides = {{"gone.example", "!"}}});
    const http::Outcome outcome = h.run(h.get("https://gone.example"));
    check(outcome, {"RETRY", "dns", false});
    BOOST_TEST(failure(outcome).reason.find("gone.example") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_look_up_that_never_ends) {
    Harness h({.overrides = {{"hole.example", ""}}});
    http::Request request = h.get("https://hole.example");
    request.timeout = Millis{150};
    const http::Outcome outcome = h.run(std::move(request));
    check(outcome, {"RETRY", "timeout", false});
    BOOST_TEST(failure(outcome).reason.find("looking up hole.example") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_connect_that_never_ends) {
    Harness h;
    ServerOptions options;
    options.plain = true;
    options.backlog = 0;
    options.accepts = false;
    TestServer deaf(nullptr, std::move(options));
    std::vector<http::Request> many;  // the first fill the queue; then SYNs are dropped
    for (int i = 0; i < 4; ++i) {
        many.push_back(h.get("https://localhost:" + std::to_string(deaf.port())));
        many.back().timeout = Millis{200};
    }
    const std::vector<http::Outcome> outcomes = h.run_all(std::move(many));
    for (const http::Outcome& outcome : outcomes)
        check(outcome, {"RETRY", "timeout", false});
    BOOST_TEST(failure(outcomes.back()).reason.find("connecting to localhost") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_handshake_that_never_ends) {
    Harness h;
    ServerOptions options;
    options.raw = [](Peer& peer) { peer.hold(); };
    const Identity identity = h.ca.issue();
    TestServer server(&identity, std::move(options));
    http::Request request = h.post(server.origin(), true);
    request.timeout = Millis{1'000};
    const http::Outcome outcome = h.run(std::move(request));
    check(outcome, {"RETRY", "timeout", false});
    BOOST_TEST(failure(outcome).reason.find("TLS handshake") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_reset_in_the_handshake) {
    Harness h;
    ServerOptions options;
    options.raw = [](Peer& peer) {
        peer.wait_for_byte();
        peer.reset();
    };
    const Identity identity = h.ca.issue();
    TestServer server(&identity, std::move(options));
    check(h.run(h.post(server.origin(), true)), {"RETRY", "tls", false});
}

BOOST_AUTO_TEST_CASE(silence_after_the_request) {
    Harness h;
    const http::Outcome outcome = post_late(h, [](Peer& peer) { peer.hold(); });
    check(outcome, {"AMBIG", "timeout", true});
    BOOST_TEST(failure(outcome).reason.find("waiting for the reply") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_drip_does_not_stretch_the_deadline) {
    Harness h;
    const auto drip = [](Peer& peer) {  // 20 s
        for (const char c : reply_of(std::string(2000, 'x'))) {
            if (!peer.send({&c, 1})) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    };
    check(post_late(h, drip), {"AMBIG", "timeout", true});
}

BOOST_AUTO_TEST_CASE(resets_and_ends) {
    Harness h;
    check(post_to(h, [](Peer& peer) { peer.reset(); }), {"AMBIG", "reset", true});
    check(post_to(h,
                  [](Peer& peer) {
                      peer.read_request();
                      peer.reset();
                  }),
          {"AMBIG", "reset", true});
    check(answered(h, ""), {"AMBIG", "reset", true});
    check(answered(h, "HTTP/1.1 200 OK\r\nContent-Le"), {"AMBIG", "truncated", true});
    check(answered(h, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"access_token\""),
          {"AMBIG", "truncated", true});
    check(answered(h, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"),
          {"AMBIG", "truncated", true});
}

BOOST_AUTO_TEST_CASE(a_body_without_length_needs_a_close_notify) {
    Harness h;
    const auto cut = [](Peer& peer) {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"half");
        peer.cut();
    };
    check(post_to(h, cut), {"AMBIG", "truncated", true});
}

BOOST_AUTO_TEST_CASE(what_is_not_http) {
    Harness h;
    for (const std::string bytes :
         {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab",
          "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nab",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
          "HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "HTTP/1.1 020 OK\r\nContent-Length: 2\r\n\r\nab",
          "HTTP/1.1 000 \r\n\r\n",
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"})
        check(answered(h, bytes), {"AMBIG", "bad_reply", true});
}

BOOST_AUTO_TEST_CASE(an_encoded_error_page_has_the_class_of_its_status) {
    Harness h;
    const auto page = [&h](const std::string& status) {
        return answered(
            h, "HTTP/1.1 " + status + "\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nab");
    };
    check(page("503 Service Unavailable"), {"RETRY", "bad_reply", true});
    check(page("502 Bad Gateway"), {"AMBIG", "bad_reply", true});
    check(page("404 Not Found"), {"NEVER", "bad_reply", true});
    check(page("429 Too Many Requests"), {"RETRY", "bad_reply", true});
}

BOOST_AUTO_TEST_CASE(a_reply_over_reply_bytes_max) {
    Harness h;
    const std::string big(limits::reply_bytes_max + 1, 'x');
    const std::string length = "Content-Length: " + std::to_string(big.size()) + "\r\n\r\n";
    check(answered(h, "HTTP/1.1 200 OK\r\n" + length + big), {"AMBIG", "too_large", true});
    check(answered(h, "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"),
          {"AMBIG", "too_large", true});
    check(answered(h, "HTTP/1.1 403 Forbidden\r\n" + length), {"NEVER", "too_large", true});
    check(answered(h, "HTTP/1.1 500 Oops\r\n" + length), {"RETRY", "too_large", true});
    check(answered(h, "HTTP/1.1 504 Gateway Timeout\r\n" + length), {"AMBIG", "too_large", true});
    check(answered(h, "HTTP/1.1 200 OK\r\n\r\n" + big), {"AMBIG", "too_large", true});
    check(answered(h, "HTTP/1.1 500 Oops\r\nX-Endless: " + big), {"RETRY", "too_large", true});
    check(answered(h, big), {"AMBIG", "bad_reply", true});
    std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t n = 0; n <= limits::reply_bytes_max; n += 4096)
        chunks += "1000\r\n" + std::string(4096, 'y') + "\r\n";
    check(answered(h, chunks + "0\r\n\r\n"), {"AMBIG", "too_large", true});
    std::string hints;
    while (hints.size() <= limits::reply_bytes_max)
        hints += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    check(answered(h, hints), {"AMBIG", "too_large", true});
}

BOOST_AUTO_TEST_CASE(more_headers_than_reply_headers_max) {
    Harness h;
    std::string fields;
    for (std::size_t i = 0; i < limits::reply_headers_max; ++i)
        fields += "X-" + std::to_string(i) + ": v\r\n";
    const std::string rest = "Content-Length: 0\r\n\r\n";
    check(answered(h, "HTTP/1.1 200 OK\r\n" + fields + rest), {"AMBIG", "too_large", true});
    check(answered(h, "HTTP/1.1 400 No\r\n" + fields + rest), {"NEVER", "too_large", true});
}

BOOST_AUTO_TEST_CASE(a_request_that_must_not_be_sent) {
    Harness h;
    const Identity identity = h.ca.issue();
    TestServer server(&identity);
    std::vector<http::Request> bad;
    for (const std::string target : {"/a b", "/a\r\nX: y", "a", "", "/#f"}) {
        bad.push_back(h.get(server.origin()));
        bad.back().target = Secret(target);
    }
    for (const std::string value : {"a\r\nX-Injected: b", "a\nb"}) {
        bad.push_back(h.get(server.origin()));
        bad.back().headers.push_back({"x-api-key", Secret(value)});
    }
    bad.push_back(h.get(server.origin()));
    bad.back().headers.push_back({"Content-Length", Secret("3")});
    for (const http::Outcome& outcome : h.run_all(std::move(bad)))
        check(outcome, {"NEVER", "bad_request", false});
    BOOST_TEST(server.connections() == 0);

    for (const std::string origin : {"localhost", "ftp://localhost", "https://a/b"})
        check(h.run(h.get(origin)), {"CONFIG", "bad_request", false});
}
