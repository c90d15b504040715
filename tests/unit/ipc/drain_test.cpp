// The end of a server: nobody who managed to send a call goes without its answer, and nobody can
// hold up the stop.
#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;

namespace {
awaitable<void> drain_and_tell(Server* server, BootTime until, bool* done) {
    co_await server->drain(until);
    *done = true;
}
}  // namespace

struct DrainFixture : Fixture {
    bool done = false;
    void drain(Millis within) {
        spawn(context.get_executor(), "drain",
              drain_and_tell(server.get(), clock.now() + within, &done));
        pump();
    }
};

BOOST_FIXTURE_TEST_SUITE(drain, DrainFixture)

BOOST_AUTO_TEST_CASE(idle_connections_end_at_once) {
    Peer idle = connect();
    Peer used = connect();
    BOOST_TEST(ask(used, echo("a")) == echoed("a"));
    drain(10s);
    BOOST_TEST(done);
    BOOST_TEST(idle.ended());
    BOOST_TEST(used.ended());
    BOOST_TEST(service.closed_count == 2);
}

BOOST_AUTO_TEST_CASE(without_connections_it_is_done_at_once) {
    drain(10s);
    BOOST_TEST(done);
    BOOST_TEST(clock.timers() == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_sent_is_answered) {
    Peer peer = connect();
    BOOST_TEST(peer.send(echo("just before")));
    drain(10s);
    BOOST_TEST(done);
    BOOST_TEST(peer.receive() == echoed("just before"));
    BOOST_TEST(peer.ended());
    BOOST_TEST(!peer.send(echo("too late")));
}

BOOST_AUTO_TEST_CASE(a_pending_call_is_waited_for_and_the_calls_behind_it) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, call("Later") + echo("behind")) == "");
    drain(10s);
    BOOST_TEST(!done);
    BOOST_TEST(!peer.ended());
    service.pendings[0]->finish(proto::make_reply({}));
    pump();
    BOOST_TEST(done);
    BOOST_TEST(peer.receive() == "{\"parameters\":{}}|" + echoed("behind"));
    BOOST_TEST(peer.ended());
}

BOOST_AUTO_TEST_CASE(a_stream_is_not_waited_for) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, call("Stream", {}, "more")) == "");
    drain(10s);
    BOOST_TEST(done);
    BOOST_TEST(service.gone_count == 1);
    BOOST_TEST(peer.ended());
}

BOOST_AUTO_TEST_CASE(at_the_deadline_the_rest_is_cut) {
    Peer pending = connect();
    BOOST_TEST(ask(pending, call("Later")) == "");
    Peer slow = connect(1000, 4096);
    BOOST_TEST(slow.send(call("Big", {{"bytes", 500'000}})));
    drain(5s);
    advance(4s);
    BOOST_TEST(!done);
    advance(1s);
    BOOST_TEST(done);
    BOOST_TEST(service.gone_count == 1);
    BOOST_TEST(pending.ended());
}

BOOST_AUTO_TEST_CASE(nobody_new_gets_in) {
    Peer pending = connect();
    BOOST_TEST(ask(pending, call("Later")) == "");
    drain(5s);
    Peer late = connect();
    BOOST_TEST(late.ended());
    BOOST_TEST(server->connections() == 1U);
    advance(5s);
    BOOST_TEST(done);
}

BOOST_AUTO_TEST_SUITE_END()
