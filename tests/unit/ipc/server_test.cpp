// The Varlink server: frames, order, strictness, introspection.
#define BOOST_TEST_MODULE ipc
#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;

namespace {
std::string raw(std::string_view text) {
    return std::string(text) + '\0';
}
const std::string fast = raw("{\"method\":\"test.calls.Fast\"}");
const std::string fast_reply = "{\"parameters\":{\"fast\":true}}|";
}  // namespace

BOOST_FIXTURE_TEST_SUITE(server, Fixture)

BOOST_AUTO_TEST_CASE(answers_a_call) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, echo("a")) == echoed("a"));
    BOOST_TEST(service.opened_count == 1);
    BOOST_TEST(server->connections() == 1U);
    peer.close();
    pump();
    BOOST_TEST(service.closed_count == 1);
    BOOST_TEST(server->connections() == 0U);
}

BOOST_AUTO_TEST_CASE(answers_a_fast_call_without_parsing_it) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, fast) == fast_reply);
    BOOST_TEST(service.fast_count == 1);
    BOOST_TEST(service.seen.empty());
}

BOOST_AUTO_TEST_CASE(takes_a_call_byte_by_byte) {
    Peer peer = connect();
    const std::string frames = echo("one") + fast;
    for (std::size_t i = 0; i + 1 < frames.size(); ++i) {
        const std::string expected = i + 1 == echo("one").size() ? echoed("one") : "";
        BOOST_TEST(ask(peer, frames.substr(i, 1)) == expected);
    }
    BOOST_TEST(ask(peer, frames.substr(frames.size() - 1)) == fast_reply);
}

BOOST_AUTO_TEST_CASE(answers_pipelined_calls_in_order) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, echo("1") + fast + call("Now", {{"n", 2}}) + echo("3") + fast) ==
               echoed("1") + fast_reply + "{\"parameters\":{\"n\":2}}|" + echoed("3") + fast_reply);
}

BOOST_AUTO_TEST_CASE(one_send_for_all_replies_of_one_read) {
    const auto wire = connect_wire();
    pump();
    std::string calls;
    for (int i = 0; i < 16; ++i)
        calls += fast;
    wire->put(calls);
    pump();
    BOOST_TEST(service.fast_count == 16);
    BOOST_TEST(wire->reads == 1);
    BOOST_TEST(wire->sends == 1);
    wire->in_ended = true;
    wire->put("");
}

BOOST_AUTO_TEST_CASE(frames_cut_anywhere_are_the_same_frames) {
    const std::string frames = echo("first") + call("Now", {{"n", 2}}) + fast + echo("last");
    const std::string expected =
        echoed("first") + "{\"parameters\":{\"n\":2}}|" + fast_reply + echoed("last");
    for (std::size_t cut = 1; cut < frames.size(); ++cut) {
        Peer peer = connect();
        const std::string first = ask(peer, frames.substr(0, cut));
        BOOST_TEST(first + ask(peer, frames.substr(cut)) == expected, "cut at " << cut);
    }
}

BOOST_AUTO_TEST_CASE(a_half_closed_client_gets_its_answers) {
    Peer peer = connect();
    peer.send(echo("a") + call("Later") + echo("b"));
    peer.half_close();
    pump();
    BOOST_TEST(peer.receive() == echoed("a"));
    BOOST_REQUIRE(service.pendings.size() == 1U);
    BOOST_TEST(!service.pendings[0]->gone());
    service.pendings[0]->finish(raw("{}"));
    pump();
    BOOST_TEST(peer.receive() == "{}|" + echoed("b"));
    BOOST_TEST(peer.ended());
    BOOST_TEST(service.gone_count == 0);
}

BOOST_AUTO_TEST_CASE(oneway_calls_are_done_and_never_answered) {
    Peer peer = connect();
    boost::json::object text{{"text", "quiet"}};
    BOOST_TEST(ask(peer, call("Echo", text, "oneway") + call("Now", text, "oneway") +
                             raw("{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":true}") +
                             raw("{\"method\":\"no.such.Interface\",\"oneway\":true}") +
                             call("Later", {}, "oneway") + echo("loud")) == "");
    BOOST_REQUIRE(service.pendings.size() == 1U);
    service.pendings[0]->finish(raw("{\"parameters\":{}}"));
    pump();
    BOOST_TEST(peer.receive() == echoed("loud"));
    BOOST_TEST(service.seen.size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_service_can_close_after_its_reply) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, call("Close", {{"last", 1}}) + echo("never")) ==
               "{\"parameters\":{\"last\":1}}|");
    BOOST_TEST(peer.ended());
    BOOST_TEST(service.seen.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_breaks_the_protocol_ends_the_connection) {
    const std::string bad[] = {
        raw(""),
        raw("nonsense"),
        raw("[]"),
        raw("\"text\""),
        raw("{\"method\":\"test.calls.Echo\",\"parameters\":[]}"),
        raw("{\"method\":\"test.calls.Echo\",\"extra\":1}"),
        raw("{\"parameters\":{}}"),
        raw("{\"method\":\"test.calls.Echo\",\"more\":true,\"oneway\":true}"),
    };
    for (const std::string& frame : bad) {
        Peer peer = connect(1234);
        // What came before it is answered; what comes after is not looked at.
        BOOST_TEST(ask(peer, echo("ok") + frame + echo("never")) == echoed("ok"));
        BOOST_TEST(peer.ended());
    }
    BOOST_TEST(service.seen.size() == std::size(bad));
    BOOST_TEST(log.contains("uid 1234"));
    BOOST_TEST(log.contains("connection closed"));
    BOOST_TEST(!log.contains("nonsense"));  // nobody writes into our log
}

BOOST_AUTO_TEST_CASE(lines_about_bad_clients_are_limited) {
    const auto misbehave = [this] {
        Peer peer = connect();
        (void)ask(peer, raw("{"));
        BOOST_TEST(peer.ended());
    };
    for (int i = 0; i < limits::client_log_lines_per_minute + 5; ++i)
        misbehave();
    BOOST_TEST(log.lines().size() == std::size_t{limits::client_log_lines_per_minute});
    advance(61s);
    misbehave();
    BOOST_TEST(log.contains("(5 more lines like this left out)"));
}

BOOST_AUTO_TEST_CASE(a_frame_over_the_limit_ends_the_connection) {
    const std::string text(limits::frame_bytes_max + 1 - echo("").size(), 'x');
    const std::string largest = echo(text);
    BOOST_REQUIRE(largest.size() == limits::frame_bytes_max + 1);  // and its NUL
    Peer peer = connect();
    BOOST_TEST((ask(peer, largest) == echoed(text)));
    BOOST_TEST(peer.send(std::string(limits::frame_bytes_max, ' ')));
    pump();
    BOOST_TEST(!peer.ended());
    BOOST_TEST(peer.send(" "));
    pump();
    BOOST_TEST(peer.ended());
    BOOST_TEST(log.contains("larger than 64 KiB"));
}

BOOST_AUTO_TEST_CASE(errors_of_org_varlink_service) {
    Peer peer = connect();
    const auto error = [&](std::string_view frame) { return ask(peer, raw(frame)); };
    BOOST_TEST(error("{\"method\":\"no.such.Method\"}") ==
               "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":{\"interface\":"
               "\"no.such\"}}|");
    BOOST_TEST(error("{\"method\":\"nodot\"}") ==
               "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":"
               "\"method\"}}|");
    BOOST_TEST(error("{\"method\":\"test.calls.None\"}") ==
               "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":"
               "\"test.calls.None\"}}|");
    BOOST_TEST(error("{\"method\":\"org.varlink.service.None\"}") ==
               "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":"
               "\"org.varlink.service.None\"}}|");
    BOOST_TEST(error("{\"method\":\"test.calls.Echo\",\"upgrade\":true}") ==
               "{\"error\":\"org.varlink.service.MethodNotImplemented\",\"parameters\":{\"method\":"
               "\"test.calls.Echo\"}}|");
    BOOST_TEST(error("{\"method\":\"test.calls.Stream\"}") ==
               "{\"error\":\"org.varlink.service.ExpectedMore\",\"parameters\":{}}|");
    BOOST_TEST(ask(peer, echo("still here")) == echoed("still here"));
    BOOST_TEST(permission_denied() ==
               raw("{\"error\":\"org.varlink.service.PermissionDenied\",\"parameters\":{}}"));
}

BOOST_AUTO_TEST_CASE(introspection) {
    Peer peer = connect();
    BOOST_TEST(ask(peer, raw("{\"method\":\"org.varlink.service.GetInfo\"}")) ==
               "{\"parameters\":{\"vendor\":\"test vendor\",\"product\":\"test product\","
               "\"version\":\"1.2.3\",\"url\":\"https://tokenbroker.example/\",\"interfaces\":"
               "[\"org.varlink.service\",\"test.calls\"]}}|");
    const auto describe = [&](std::string_view parameters) {
        return ask(peer, raw("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                             "\"parameters\":" +
                             std::string(parameters) + "}"));
    };
    BOOST_TEST(describe("{\"interface\":\"test.calls\"}") ==
               "{\"parameters\":{\"description\":\"interface test.calls\\nmethod Echo() -> "
               "()\\n\"}}|");
    BOOST_TEST(describe("{\"interface\":\"org.varlink.service\"}").find("method GetInfo() -> (") !=
               std::string::npos);
    const std::string invalid =
        "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"";
    BOOST_TEST(describe("{\"interface\":\"none\"}") ==
               "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":{\"interface\":"
               "\"none\"}}|");
    BOOST_TEST(describe("{}") == invalid + "interface\"}}|");
    BOOST_TEST(describe("{\"interface\":7}") == invalid + "interface\"}}|");
    BOOST_TEST(describe("{\"interface\":\"test.calls\",\"other\":1}") == invalid + "other\"}}|");
    BOOST_TEST(
        ask(peer, raw("{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{\"x\":1}}")) ==
        invalid + "x\"}}|");
}

BOOST_AUTO_TEST_SUITE_END()
