// Kept connections and resumed sessions: used where they help, never where they could send a grant
// twice.
#include <boost/test/unit_test.hpp>
#include <thread>

#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::net::test;

namespace {

struct Pair {
    explicit Pair(ClientOptions client = {}, ServerOptions options = {})
        : h(std::move(client)), identity(h.ca.issue()), server(&identity, std::move(options)) {}
    Harness h;
    Identity identity;
    TestServer server;
    http::Outcome get() { return h.run(h.get(server.origin())); }
    http::Outcome post(bool spends) { return h.run(h.post(server.origin(), spends)); }
};

ServerOptions with(Script script) {
    ServerOptions options;
    options.script = std::move(script);
    return options;
}

void one_reply(Peer& peer) {
    if (peer.read_request()) peer.send(reply_of("{}"));
}

void pause(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_connection_is_kept) {
    Pair p;
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(reply(p.get()).status == 200);
    BOOST_TEST(reply(p.post(true)).status == 200);  // used just now
    BOOST_TEST(p.server.connections() == 1);
    BOOST_TEST(p.server.requests() == 6);
}

BOOST_AUTO_TEST_CASE(a_connection_closed_while_idle_is_not_used) {
    Pair p({}, with(one_reply));
    for (int i = 1; i <= 3; ++i) {
        BOOST_TEST(reply(p.post(true)).status == 200);
        p.server.wait_for_closed(i);
        BOOST_TEST(p.server.connections() == i);
    }
}

BOOST_AUTO_TEST_CASE(stray_bytes_on_an_idle_connection) {
    std::atomic<bool> sent{false};
    Pair p({}, with([&sent](Peer& peer) {
               if (peer.read_request()) peer.send(reply_of("{}"));
               pause(20);
               peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray");
               sent = true;
               peer.hold();
           }));
    BOOST_TEST(reply(p.get()).body.view() == "{}");
    for (int i = 0; i < 1000 && !sent; ++i)
        pause(10);
    BOOST_TEST(reply(p.get()).body.view() == "{}");
    BOOST_TEST(p.server.connections() == 2);
}

BOOST_AUTO_TEST_CASE(bytes_behind_a_reply_end_the_connection) {
    Pair p({}, with([](Peer& peer) {
               if (peer.read_request()) peer.send(reply_of("{}") + reply_of("poison"));
               peer.hold();
           }));
    BOOST_TEST(reply(p.get()).body.view() == "{}");
    BOOST_TEST(reply(p.get()).body.view() == "{}");
    BOOST_TEST(p.server.connections() == 2);
}

BOOST_AUTO_TEST_CASE(a_server_that_wants_to_close_is_believed) {
    Pair p({}, with([](Peer& peer) {
               while (peer.read_request())
                   peer.send(reply_of("{}", "Connection: close\r\n"));
           }));
    BOOST_TEST(reply(p.get()).status == 200);
    BOOST_TEST(reply(p.get()).status == 200);
    BOOST_TEST(p.server.connections() == 2);
}

// The first connection dies on its second request, which the server has read.
void dies_on_second_request(Peer& peer) {
    if (peer.number() > 1) return serve_all(peer);
    one_reply(peer);
    peer.read_request();
    peer.cut();
}

BOOST_AUTO_TEST_CASE(a_harmless_request_is_sent_again_once) {
    Pair p({}, with(dies_on_second_request));
    BOOST_TEST(reply(p.get()).status == 200);
    BOOST_TEST(reply(p.post(false)).status == 200);
    BOOST_TEST(p.server.connections() == 2);
    BOOST_TEST(p.server.requests() == 3);
}

BOOST_AUTO_TEST_CASE(a_grant_is_never_sent_again) {
    Pair p({}, with(dies_on_second_request));
    BOOST_TEST(reply(p.get()).status == 200);
    const http::Outcome outcome = p.post(true);
    BOOST_TEST(to_string(failure(outcome).failure) == "AMBIG");
    BOOST_TEST(failure(outcome).code == "reset");
    BOOST_TEST(failure(outcome).sent);
    pause(50);
    BOOST_TEST(p.server.connections() == 1);
    BOOST_TEST(p.server.requests() == 2);
}

BOOST_AUTO_TEST_CASE(nothing_is_sent_again_after_a_byte_of_the_reply) {
    Pair p({}, with([](Peer& peer) {
               one_reply(peer);
               peer.read_request();
               peer.send("HTTP/1.1 2");
               peer.cut();
           }));
    BOOST_TEST(reply(p.get()).status == 200);
    const http::Outcome outcome = p.post(false);
    BOOST_TEST(failure(outcome).code == "truncated");
    BOOST_TEST(p.server.requests() == 2);
}

BOOST_AUTO_TEST_CASE(nothing_is_sent_a_third_time) {
    Pair p({}, with([](Peer& peer) {
               if (peer.number() == 1) one_reply(peer);
               peer.read_request();
               peer.reset();
           }));
    BOOST_TEST(reply(p.get()).status == 200);
    BOOST_TEST(failure(p.get()).code == "reset");
    BOOST_TEST(p.server.requests() == 3);
    BOOST_TEST(p.server.connections() == 2);
}

BOOST_AUTO_TEST_CASE(a_grant_travels_on_a_connection_used_just_now_or_a_fresh_one) {
    Pair p({.spend_idle_max = Millis{50}});
    BOOST_TEST(reply(p.get()).status == 200);
    pause(60);
    BOOST_TEST(reply(p.post(true)).status == 200);
    BOOST_TEST(p.server.connections() == 2);
    pause(60);
    BOOST_TEST(reply(p.get()).status == 200);  // the rest may use what is kept
    BOOST_TEST(reply(p.post(false)).status == 200);
    BOOST_TEST(p.server.connections() == 2);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_in_time) {
    std::atomic<bool> closed{false};
    Pair p({.idle_max = Millis{80}}, with([&closed](Peer& peer) {
               serve_all(peer);
               closed = true;
           }));
    BOOST_TEST(reply(p.get()).status == 200);
    for (int i = 0; i < 1000 && !closed; ++i)
        pause(10);
    BOOST_TEST(closed);
    BOOST_TEST(reply(p.get()).status == 200);
    BOOST_TEST(p.server.connections() == 2);
}

BOOST_AUTO_TEST_CASE(no_more_than_idle_connections_per_origin_max_are_kept) {
    std::atomic<int> closed{0};
    Pair p({}, with([&closed](Peer& peer) {
               serve_all(peer);
               ++closed;
           }));
    const int extra = 3;
    std::vector<http::Request> many;
    for (int i = 0; i < limits::idle_connections_per_origin_max + extra; ++i)
        many.push_back(p.h.get(p.server.origin()));
    for (const http::Outcome& outcome : p.h.run_all(std::move(many)))
        BOOST_TEST(reply(outcome).status == 200);
    const int opened = p.server.connections();
    for (int i = 0; i < 1000 && opened - closed > limits::idle_connections_per_origin_max; ++i)
        pause(10);
    BOOST_TEST(opened - closed <= limits::idle_connections_per_origin_max);
}

BOOST_AUTO_TEST_CASE(connections_are_not_shared_between_trusts) {
    Pair p;
    p.h.ca.write(p.h.folder.file("same.pem"));
    BOOST_TEST(reply(p.get()).status == 200);
    http::Request other = p.h.get(p.server.origin());
    other.ca_file = p.h.folder.file("same.pem");
    const http::Outcome outcome = p.h.run(std::move(other));
    BOOST_TEST(reply(outcome).status == 200);
    BOOST_TEST(p.server.connections() == 2);
    BOOST_TEST(p.server.resumed() == 0);
}

BOOST_AUTO_TEST_CASE(sessions_are_resumed_in_tls_1_2_and_1_3) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        ServerOptions options = with([](Peer& peer) {
            if (peer.read_request()) peer.send(reply_of("{}", "Connection: close\r\n"));
        });
        options.version_max = version;
        Pair p({}, std::move(options));
        for (int i = 0; i < 4; ++i)
            BOOST_TEST(reply(p.post(true)).status == 200);
        BOOST_TEST(p.server.connections() == 4);
        BOOST_TEST(p.server.resumed() == 3);
        // A server that forgot its keys (a restart) is met with a full handshake.
        p.server.replace(p.identity);
        BOOST_TEST(reply(p.post(true)).status == 200);
        BOOST_TEST(p.server.resumed() == 3);
    }
}
