// Clients that cost more than they should: too many, too slow, too greedy. And the orderly end.
#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;

namespace {
const std::string refused =
    "{\"error\":\"io.tokenbroker.tokens.TooManyRequests\",\"parameters\":{\"retry_after_ms\":1000}"
    "}";

std::string big(std::size_t bytes) {
    boost::json::object parameters;
    parameters["bytes"] = bytes;
    return call("Big", parameters);
}
void hang_up(Fixture& fixture, const std::shared_ptr<Wire>& wire) {
    wire->in_ended = true;
    wire->put("");
    fixture.pump();
}
}  // namespace

BOOST_FIXTURE_TEST_SUITE(slow_clients, Fixture)

BOOST_AUTO_TEST_CASE(connections_of_one_uid_are_limited) {
    std::vector<std::shared_ptr<Wire>> wires;
    for (int i = 0; i < limits::connections_per_uid_max; ++i)
        wires.push_back(connect_wire(7));
    BOOST_TEST(server->connections() == std::size_t{limits::connections_per_uid_max});
    const auto last = connect_wire(7);
    BOOST_TEST(last->sent == refused + '\0');
    BOOST_TEST(!last->closed);  // for a moment, so that a client that writes first can still read
    BOOST_TEST(log.contains("uid 7"));
    BOOST_TEST(log.contains("too many connections"));
    const auto other = connect_wire(8);
    BOOST_TEST(other->sent.empty());
    advance(2s);
    BOOST_TEST(last->closed);
    hang_up(*this, wires[0]);
    BOOST_TEST(connect_wire(7)->sent.empty());  // the place is free again
}

BOOST_AUTO_TEST_CASE(a_refused_client_learns_why_even_if_it_writes_first) {
    std::vector<std::shared_ptr<Wire>> wires;
    for (int i = 0; i < limits::connections_per_uid_max; ++i)
        wires.push_back(connect_wire(7));
    Peer peer = connect(7);
    BOOST_TEST(ask(peer, echo("hello")) == refused + "|");
    advance(2s);
    BOOST_TEST(peer.ended());
}

BOOST_AUTO_TEST_CASE(a_refused_connection_is_kept_for_a_moment) {
    for (int i = 0; i < limits::connections_per_uid_max; ++i)
        (void)connect_wire(7);
    const auto wire = connect_wire(7);
    advance(limits::refused_connection_kept_ms - 1ms);
    BOOST_TEST(!wire->closed);
    advance(1ms);
    BOOST_TEST(wire->closed);
}

BOOST_AUTO_TEST_CASE(refused_connections_are_few) {
    for (int i = 0; i < limits::connections_per_uid_max; ++i)
        (void)connect_wire(7);
    const auto first = connect_wire(7);
    for (std::size_t i = 0; i < limits::refused_connections_kept; ++i)
        (void)connect_wire(7);
    BOOST_TEST(first->closed);
}

BOOST_AUTO_TEST_CASE(connections_in_all_are_limited_but_a_few_places_are_kept) {
    const int plenty = limits::connections_max - limits::connections_reserved;
    for (int i = 0; i < plenty; ++i)
        (void)connect_wire(static_cast<uid_t>(1000 + i / limits::connections_per_uid_max));
    BOOST_TEST(connect_wire(1000)->sent == refused + '\0');  // it holds many
    int admitted = 0;
    for (int i = 0; connect_wire(0)->sent.empty() && i < limits::connections_max; ++i)
        ++admitted;
    BOOST_TEST(admitted == limits::connections_per_uid_when_scarce);
    for (int i = admitted; i < limits::connections_reserved; ++i)
        BOOST_REQUIRE(connect_wire(static_cast<uid_t>(2000 + i))->sent.empty());
    BOOST_TEST(server->connections() == std::size_t{limits::connections_max});
    BOOST_TEST(connect_wire(9999)->sent == refused + '\0');
    pump();
}

BOOST_AUTO_TEST_CASE(limits_for_the_daemon) {
    for (int i = 0; i < limits::waiters_per_uid_max; ++i)
        BOOST_REQUIRE(limits->add_waiter(7));
    BOOST_TEST(!limits->add_waiter(7));
    BOOST_TEST(limits->add_waiter(8));
    limits->remove_waiter(7);
    BOOST_TEST(limits->add_waiter(7));
    BOOST_TEST(limits->add_watches(7, limits::watches_per_uid_max - 1));
    BOOST_TEST(!limits->add_watches(7, 2));  // all or nothing
    BOOST_TEST(limits->add_watches(7, 1));
    BOOST_TEST(!limits->add_watches(7, 1));
    limits->remove_watches(7, limits::watches_per_uid_max);
    BOOST_TEST(limits->add_watches(7, limits::watches_per_uid_max));
}

BOOST_AUTO_TEST_CASE(half_a_frame_may_not_lie_for_long) {
    Peer half = connect();
    Peer idle = connect();
    BOOST_TEST(ask(half, "{\"method\"") == "");
    advance(limits::slow_client_ms - 1s);
    BOOST_TEST(!half.ended());
    BOOST_TEST(ask(half, ":") == "");  // a byte now and then doesn't help
    advance(2s);
    BOOST_TEST(half.ended());
    BOOST_TEST(log.contains("half a message for 10 s"));
    advance(1h);
    BOOST_TEST(ask(idle, echo("healthy")) == echoed("healthy"));
    BOOST_TEST(clock.timers() == 0U);
}

BOOST_AUTO_TEST_CASE(a_busy_client_is_not_taken_for_one_that_leaves_half_a_frame) {
    Peer peer = connect();
    const std::string whole = echo("a");
    BOOST_TEST(ask(peer, whole.substr(0, 5)) == "");
    for (int second = 0; second < 60; ++second) {  // at each moment half a frame, never the same
        BOOST_TEST(ask(peer, whole.substr(5) + whole.substr(0, 5)) == echoed("a"));
        advance(1s);
    }
    BOOST_TEST(ask(peer, whole.substr(5)) == echoed("a"));
}

BOOST_AUTO_TEST_CASE(half_a_frame_behind_a_deferred_call_is_our_own_delay) {
    Peer peer = connect();
    const std::string whole = echo("a");
    BOOST_TEST(ask(peer, call("Later") + whole.substr(0, 5)) == "");
    advance(5min);
    BOOST_TEST(!peer.ended());
    service.pendings[0]->finish(proto::make_reply({}));
    advance(limits::slow_client_ms - 1s);
    BOOST_TEST(ask(peer, whole.substr(5)) == "{\"parameters\":{}}|" + echoed("a"));
}

BOOST_AUTO_TEST_CASE(a_client_that_takes_nothing_is_dropped) {
    Peer peer = connect(1000, 4096);
    Peer other = connect();
    BOOST_TEST(peer.send(big(500'000)));
    pump();
    advance(limits::slow_client_ms - 1s);
    BOOST_TEST(server->connections() == 2U);
    advance(2s);
    BOOST_TEST(server->connections() == 1U);
    BOOST_TEST(log.contains("took no byte of a reply for 10 s"));
    BOOST_TEST(ask(other, echo("a")) == echoed("a"));
}

BOOST_AUTO_TEST_CASE(a_client_that_takes_slowly_is_served) {
    Peer peer = connect(1000, 4096);
    BOOST_TEST(peer.send(big(200'000)));
    pump();
    std::string got;
    for (int i = 0; i < 1000 && got.size() < 200'001; ++i) {
        got += peer.receive(8192);
        advance(limits::slow_client_ms / 2);
    }
    BOOST_TEST(got.size() == 200'001U);
    BOOST_TEST(ask(peer, echo("a")) == echoed("a"));
}

BOOST_AUTO_TEST_CASE(a_watcher_that_never_reads_is_dropped) {
    Peer peer = connect(1000, 4096);
    BOOST_TEST(ask(peer, call("Stream", {}, "more")) == "");
    const std::string state = std::string(5000, 's') + '\0';
    for (int i = 0; i < 100 && service.pendings[0]->unsent_bytes() == 0; ++i)
        service.pendings[0]->stream(state);
    BOOST_TEST(service.pendings[0]->unsent_bytes() > 0U);
    advance(limits::slow_client_ms + 2s);
    BOOST_TEST(service.gone_count == 1);
    BOOST_TEST(server->connections() == 0U);
}

BOOST_AUTO_TEST_CASE(unsent_bytes_are_limited) {
    const auto wire = connect_wire();
    wire->room = 0;
    wire->put(call("Stream", {}, "more"));
    pump();
    const std::string state = std::string(100'000, 's') + '\0';
    int streamed = 0;
    for (; !wire->closed && streamed < 1000; ++streamed)
        service.pendings[0]->stream(state);
    BOOST_TEST(static_cast<std::size_t>(streamed) == limits::unsent_bytes_max / state.size() + 1);
    pump();
    BOOST_TEST(service.gone_count == 1);
    BOOST_TEST(log.contains("1 MiB of replies not taken"));
}

BOOST_AUTO_TEST_CASE(calls_wait_while_their_client_does_not_read) {
    const auto wire = connect_wire();
    wire->room = 10;
    wire->put(echo("1"));
    pump();
    wire->put(echo("2"));
    pump();
    BOOST_TEST(service.seen.size() == 1U);
    wire->room = 1000;
    wire->put("");
    pump();
    BOOST_TEST(service.seen.size() == 2U);
    hang_up(*this, wire);
}

BOOST_AUTO_TEST_CASE(one_turn_is_bounded_in_frames) {
    const auto flood = connect_wire();
    std::string first = "{\"method\":\"test.calls.Later\"}";  // holds the others until all are here
    first += '\0';
    std::string rest;
    for (int i = 0; i < 3 * limits::frames_per_turn_max; ++i)
        rest += std::string("{\"method\":\"x\"}") + '\0';
    flood->put(first + rest);
    pump();
    service.pendings[0]->finish(proto::make_reply({}));
    const auto other = connect_wire();
    other->put(echo("mine"));
    pump();
    BOOST_TEST(other->sent.size() == echoed("mine").size());
    BOOST_TEST(flood->sends > 3);
    hang_up(*this, flood);
    hang_up(*this, other);
}

BOOST_AUTO_TEST_CASE(one_turn_is_bounded_in_reply_bytes) {
    const auto flood = connect_wire();
    std::string calls;
    for (int i = 0; i < 20; ++i)
        calls += big(40'000);
    flood->put(calls);
    pump();
    BOOST_TEST(flood->sent.size() == 20U * 40'001U);
    BOOST_TEST(flood->sends == 10);  // two replies reach 64 KiB
    hang_up(*this, flood);
}

BOOST_AUTO_TEST_SUITE_END()
