// What goes over the wire, what comes back, and the forms of replies that are fine.
#include <boost/test/unit_test.hpp>
#include <thread>

#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::net::test;

namespace {

http::Outcome got(Harness& h, std::string bytes) {
    const Identity identity = h.ca.issue();
    ServerOptions options;
    options.script = [bytes = std::move(bytes)](Peer& peer) {
        if (!peer.read_request()) return;
        peer.send(bytes);
        peer.close_notify();
    };
    TestServer server(&identity, std::move(options));
    return h.run(h.get(server.origin()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_request_as_the_server_sees_it) {
    Harness h;
    const Identity identity = h.ca.issue();
    TestServer server(&identity);
    http::Request request = h.post(server.origin(), true);
    request.headers.push_back({"Authorization", Secret("Basic dGVzdA==")});
    request.headers.push_back({"Accept-Encoding", Secret("gzip")});  // not with us
    request.user_agent = "tokenbroker/9.9";
    const http::Outcome outcome = h.run(std::move(request));
    BOOST_TEST(reply(outcome).status == 200);
    BOOST_TEST(server.last_request() ==
               "POST /auth/token HTTP/1.1\r\nHost: localhost:" + std::to_string(server.port()) +
                   "\r\nUser-Agent: tokenbroker/9.9\r\nAccept-Encoding: identity\r\n"
                   "Authorization: Basic dGVzdA==\r\nContent-Length: 48\r\n\r\n"
                   "grant_type=refresh_token&refresh_token=rt_test_1");
}

BOOST_AUTO_TEST_CASE(the_parts_of_a_reply) {
    Harness h;
    const http::Outcome outcome =
        got(h, "HTTP/1.1 429 Slow Down\r\nRETRY-After:  7 \r\nContent-Length: 2\r\n\r\nno");
    const http::Reply& r = reply(outcome);
    BOOST_TEST(r.status == 429);
    BOOST_REQUIRE(r.header("retry-after") != nullptr);
    BOOST_TEST(*r.header("retry-after") == "7");
    BOOST_TEST(r.body.view() == "no");
    BOOST_TEST(to_ms(r.sent_at) > 0);
    BOOST_TEST(to_ms(r.received_wall) > 1'600'000'000'000);
}

BOOST_AUTO_TEST_CASE(bodies_of_every_form) {
    Harness h;
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const auto body = [&h](const std::string& bytes) {
        const http::Outcome outcome = got(h, bytes);
        return std::string(reply(outcome).body.view());
    };
    BOOST_TEST(body(ok + "Content-Length: 3\r\n\r\nabc") == "abc");
    BOOST_TEST(body(ok + "Content-Length: 0\r\n\r\n").empty());
    BOOST_TEST(body(ok + "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\na") == "a");
    BOOST_TEST(body(ok + "\r\nuntil the end") == "until the end");
    BOOST_TEST(body(ok + "\r\n").empty());
    BOOST_TEST(body("HTTP/1.1 204 No Content\r\n\r\n").empty());
    const std::string chunked = ok + "Transfer-Encoding: Chunked\r\n\r\n";
    BOOST_TEST(body(chunked + "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: v\r\n\r\n") == "abcde");
    std::string single = chunked;
    for (int i = 0; i < 1000; ++i)
        single += "1\r\nz\r\n";
    BOOST_TEST(body(single + "0\r\n\r\n") == std::string(1000, 'z'));
    BOOST_TEST(body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
                    ok + "Content-Length: 2\r\n\r\nok") == "ok");
    const std::string large(limits::reply_bytes_max - 200, 'x');
    BOOST_TEST((body(reply_of(large)) == large));
}

BOOST_AUTO_TEST_CASE(trailers_are_not_headers) {
    Harness h;
    const http::Outcome outcome = got(
        h, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nDate: x\r\n\r\n");
    BOOST_TEST(reply(outcome).header("date") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_redirect_is_a_reply_and_nothing_more) {
    Harness h;
    const Identity identity = h.ca.issue();
    TestServer canary(&identity);
    for (const std::string status : {"301", "302", "303", "307", "308"}) {
        const http::Outcome outcome =
            got(h, "HTTP/1.1 " + status + " Moved\r\nLocation: " + canary.origin() +
                       "/elsewhere\r\nContent-Length: 0\r\n\r\n");
        BOOST_TEST(reply(outcome).status == std::stoi(status));
        BOOST_TEST(*reply(outcome).header("location") == canary.origin() + "/elsewhere");
    }
    BOOST_TEST(canary.connections() == 0);
}

BOOST_AUTO_TEST_CASE(lifetimes_start_when_the_request_is_sent) {
    Harness h;
    const Identity identity = h.ca.issue();
    ServerOptions options;
    options.script = [](Peer& peer) {
        while (peer.read_request()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(120));
            peer.send(reply_of("{}"));
        }
    };
    TestServer server(&identity, std::move(options));
    const BootTime first = reply(h.run(h.get(server.origin()))).sent_at;
    const BootTime second = reply(h.run(h.get(server.origin()))).sent_at;
    BOOST_TEST((second - first).count() >= 119);
}

BOOST_AUTO_TEST_CASE(plain_http_only_by_its_own_scheme) {
    Harness h;
    ServerOptions options;
    options.plain = true;
    TestServer server(nullptr, std::move(options));
    for (int i = 0; i < 2; ++i)
        BOOST_TEST(reply(h.run(h.get(server.origin("127.0.0.1")))).status == 200);
    BOOST_TEST(server.connections() == 1);
}

BOOST_AUTO_TEST_CASE(many_at_once) {
    Harness h;
    const Identity identity = h.ca.issue();
    TestServer server(&identity);
    std::vector<http::Request> many;
    for (int i = 0; i < 64; ++i)
        many.push_back(h.post(server.origin(), i % 2 == 0));
    for (const http::Outcome& outcome : h.run_all(std::move(many)))
        BOOST_TEST(reply(outcome).status == 200);
    BOOST_TEST(server.requests() == 64);
}
