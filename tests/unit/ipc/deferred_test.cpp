// Calls that are answered later: order, streams, and clients that go away meanwhile.
#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;

namespace {
std::string frame(std::string_view name, bool continues = false) {
    boost::json::object parameters;
    parameters["name"] = boost::json::string_view(name.data(), name.size());
    return proto::make_reply(parameters, continues);
}
std::string shown(std::string_view name, bool continues = false) {
    std::string text = frame(name, continues);
    text.back() = '|';
    return text;
}
}  // namespace

BOOST_FIXTURE_TEST_SUITE(deferred, Fixture)

BOOST_AUTO_TEST_CASE(a_deferred_call_holds_back_the_calls_behind_it) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, echo("1") + call("Later") + echo("2") + call("Later") + echo("3")) ==
               echoed("1"));
    BOOST_TEST(ask(peer, echo("4")) == "");  // not even read
    BOOST_REQUIRE(service.pendings.size() == 1U);
    service.pendings[0]->finish(frame("first"));
    // It goes out at once, before the loop runs again.
    BOOST_TEST(peer.receive() == shown("first"));
    pump();
    BOOST_TEST(peer.receive() == echoed("2"));
    BOOST_REQUIRE(service.pendings.size() == 2U);
    service.pendings[1]->finish(frame("second"));
    pump();
    BOOST_TEST(peer.receive() == shown("second") + echoed("3") + echoed("4"));
}

BOOST_AUTO_TEST_CASE(a_deferred_call_may_be_answered_before_call_returns) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, echo("1") + call("Now", {{"n", 2}}) + call("StreamNow", {}, "more") +
                             echo("3")) ==
               echoed("1") + "{\"parameters\":{\"n\":2}}|{\"parameters\":{},\"continues\":true}|" +
                   "{\"parameters\":{}}|" + echoed("3"));
}

BOOST_AUTO_TEST_CASE(a_deferred_call_costs_the_others_nothing) {
    Peer waiting = connect();
    Peer other = connect();
    BOOST_TEST(ask(waiting, call("Later")) == "");
    BOOST_TEST(ask(other, echo("a")) == echoed("a"));
    service.pendings[0]->finish(frame("late"));
    pump();
    BOOST_TEST(waiting.receive() == shown("late"));
}

BOOST_AUTO_TEST_CASE(streams_until_the_last_reply) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, call("Stream", {}, "more") + echo("after")) == "");
    const auto pending = service.pendings.at(0);
    for (const char* name : {"a", "b", "c"}) {
        pending->stream(frame(name, true));
        BOOST_TEST(peer.receive() == shown(name, true));
    }
    pending->finish(frame("end"));
    pump();
    BOOST_TEST(peer.receive() == shown("end") + echoed("after"));
    BOOST_TEST(!pending->gone());
    BOOST_TEST(pending->unsent_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_hang_up_during_a_call_is_noticed_at_once) {
    Peer peer = connect(77);
    BOOST_TEST(ask(peer, call("Later") + echo("never")) == "");
    const auto pending = service.pendings.at(0);
    BOOST_TEST(service.gone_count == 0);
    peer.close();
    pump();
    BOOST_TEST(service.gone_count == 1);
    BOOST_TEST(pending->gone());
    BOOST_TEST(service.closed_count == 1);
    // Everything stays harmless.
    BOOST_TEST(pending->caller().uid == 77U);
    BOOST_TEST(pending->unsent_bytes() == 0U);
    pending->on_drained([] { BOOST_TEST(false); });
    int again = 0;
    pending->on_gone([&again] { ++again; });
    BOOST_TEST(again == 0);  // never inside another call
    pump();
    BOOST_TEST(again == 1);
    pending->finish(frame("too late"));
    pump();
    BOOST_TEST(service.gone_count == 1);
}

BOOST_AUTO_TEST_CASE(a_hang_up_is_noticed_in_each_later_call_too) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, call("Later")) == "");
    service.pendings[0]->finish(frame("one"));
    pump();
    BOOST_TEST(peer.receive() == shown("one"));
    BOOST_TEST(ask(peer, echo("between")) == echoed("between"));
    BOOST_TEST(ask(peer, call("Later")) == "");
    peer.close();
    pump();
    BOOST_TEST(service.gone_count == 1);
    BOOST_TEST(server->connections() == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_sent_before_a_hang_up_is_still_done) {
    Peer peer = connect();
    peer.send(call("Echo", {}, "oneway") + call("Echo", {}, "oneway"));
    peer.close();
    pump();
    BOOST_TEST(service.seen.size() == 2U);
    BOOST_TEST(server->connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stream_to_a_client_that_left_is_harmless) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, call("Stream", {}, "more")) == "");
    peer.close();
    service.pendings[0]->stream(frame("nobody", true));  // EPIPE, before the loop saw the hang-up
    BOOST_TEST(service.gone_count == 0);                 // never inside another call
    service.pendings[0]->stream(frame("nobody", true));
    pump();
    BOOST_TEST(service.gone_count == 1);
}

BOOST_AUTO_TEST_CASE(drained_is_told_once_and_when_all_is_taken) {
    const auto wire = connect_wire();
    wire->put(call("Stream", {}, "more"));
    pump();
    const auto pending = service.pendings.at(0);
    int drained = 0;
    const auto count = [&drained] { ++drained; };
    pending->on_drained(count);
    BOOST_TEST(drained == 0);
    pump();
    BOOST_TEST(drained == 1);  // nothing was unsent

    wire->room = 5;
    pending->stream(frame("long", true));
    const std::size_t left = frame("long", true).size() - 5;
    BOOST_TEST(pending->unsent_bytes() == left);
    pending->on_drained(count);
    pump();
    BOOST_TEST(drained == 1);
    wire->room = left - 1;
    wire->put("");
    pump();
    BOOST_TEST(pending->unsent_bytes() == 1U);
    BOOST_TEST(drained == 1);
    wire->room = 1000;
    wire->put("");
    pump();
    BOOST_TEST(drained == 2);
    BOOST_TEST(wire->sent == frame("long", true));

    // From inside the callback the next ones may be streamed, until the client stops taking.
    int rounds = 0;
    std::function<void()> next = [&] {
        if (++rounds > 3) return;
        pending->stream(frame("n", true));
        pending->on_drained(next);
    };
    pending->on_drained(next);
    pump();
    BOOST_TEST(rounds == 4);
    pending->finish(frame("end"));
    wire->in_ended = true;
    wire->put("");
    pump();
    BOOST_TEST(wire->closed);
}

BOOST_AUTO_TEST_CASE(replies_keep_their_order_behind_unsent_bytes) {
    const auto wire = connect_wire();
    wire->room = 10;
    wire->put(echo("1") + call("Stream", {}, "more") + echo("2"));
    pump();
    // The first reply isn't taken yet, but the deferred call was part of the same read.
    const auto pending = service.pendings.at(0);
    pending->stream(frame("a", true));
    pending->finish(frame("b"));
    pump();
    BOOST_TEST(wire->sent.size() == 10U);
    wire->room = 1 << 20;
    wire->put("");
    pump();
    std::string sent = wire->sent;
    std::replace(sent.begin(), sent.end(), '\0', '|');
    BOOST_TEST(sent == echoed("1") + shown("a", true) + shown("b") + echoed("2"));
    wire->in_ended = true;
    wire->put("");
}

BOOST_AUTO_TEST_CASE(a_pending_call_may_outlive_its_server) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, call("Later")) == "");
    server.reset();
    pump();
    BOOST_TEST(service.gone_count == 0);  // the destructor runs no callback
    BOOST_TEST(service.closed_count == 0);
    BOOST_TEST(service.pendings[0]->gone());
    service.pendings[0]->finish(frame("nobody"));
    BOOST_TEST(peer.ended());
}

BOOST_AUTO_TEST_SUITE_END()
