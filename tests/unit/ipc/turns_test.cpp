// Fairness between users: what one of them floods costs the others no more than one slice, and what
// it leaves lying in our memory is counted over all its connections.
#include <algorithm>

#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;

namespace {
constexpr uid_t flooding = 7;
constexpr uid_t honest = 8;
constexpr int parsed_per_slice = limits::frames_per_turn_max / limits::parsed_frame_weight;

struct Flooded : Fixture {
    std::vector<std::shared_ptr<Wire>> wires;

    std::shared_ptr<Wire> wire(uid_t uid) {
        wires.push_back(connect_wire(uid));
        return wires.back();
    }
    // Wires that wait for their clients, and then all have so many calls at once.
    void flood(uid_t uid, int connections, int calls, const std::string& text) {
        const std::size_t first = wires.size();
        for (int i = 0; i < connections; ++i)
            (void)wire(uid);
        pump();
        std::string all;
        for (int i = 0; i < calls; ++i)
            all += text;
        for (std::size_t i = first; i < wires.size(); ++i)
            wires[i]->put(all);
    }
    // How many calls were dispatched before the honest one's.
    std::ptrdiff_t before_honest() const {
        return std::find(service.seen.begin(), service.seen.end(), "Echo") - service.seen.begin();
    }
    ~Flooded() {
        for (const auto& each : wires) {
            each->in_ended = true;
            each->room = 1 << 30;
            each->put("");
        }
        pump();
    }
};

const std::string unknown = call("Unknown");
}  // namespace

BOOST_FIXTURE_TEST_SUITE(turns, Flooded)

BOOST_AUTO_TEST_CASE(whoever_asks_for_little_waits_for_one_slice) {
    const auto mine = wire(honest);
    flood(flooding, 100, 100, unknown);
    mine->put(echo("a"));
    pump();
    BOOST_TEST(before_honest() <= 2 * parsed_per_slice);
    BOOST_TEST(service.seen.size() == 100U * 100 + 1);  // all were answered in the end
}

BOOST_AUTO_TEST_CASE(a_large_message_takes_more_of_it) {
    const auto mine = wire(honest);
    // As many bytes as one slice has, in one call.
    const std::string large(limits::frames_per_turn_max * limits::frame_bytes_of_one_weight -
                                unknown.size() - 8 * limits::frame_bytes_of_one_weight,
                            ' ');
    std::string padded = unknown;
    padded.insert(1, large);
    flood(flooding, 50, 1, padded);
    mine->put(echo("a"));
    pump();
    BOOST_TEST(before_honest() <= 2);
    BOOST_TEST(service.seen.size() == 51U);
}

BOOST_AUTO_TEST_CASE(users_who_flood_share_evenly) {
    const auto single = wire(flooding + 10);
    flood(flooding, 200, 20, unknown);
    for (int i = 0; i < 400; ++i)
        single->put(echo("a"));
    pump();
    BOOST_REQUIRE(service.seen.size() == 4'000U + 400U);
    // The one with one connection is done when the other has had about as much. It misses a slice
    // or two whenever its buffer of 4 KiB is read to the end.
    const auto refills = static_cast<int>(400 * echo("a").size() / 4096 + 1);
    const auto last = std::find(service.seen.rbegin(), service.seen.rend(), "Echo");
    const std::ptrdiff_t done_after = service.seen.rend() - last;
    BOOST_TEST(done_after <= 2 * 400 + (4 + 2 * refills) * parsed_per_slice);
}

BOOST_AUTO_TEST_CASE(the_connections_of_a_user_have_their_turns_in_order) {
    const auto other = wire(honest);  // a user who is alone never queues
    flood(flooding, 100, 3, echo("a"));
    pump();
    for (const auto& each : wires)
        BOOST_TEST(std::count(each->sent.begin(), each->sent.end(), '\0') ==
                   (each == other ? 0 : 3));
}

BOOST_AUTO_TEST_CASE(a_connection_may_end_while_it_queues) {
    const auto other = wire(honest);  // a user who is alone never queues
    flood(flooding, 100, 3, echo("a"));
    context.restart();
    for (int i = 0; i < 150; ++i)  // some had their turn, most queue
        context.poll_one();
    for (const auto& each : wires) {
        each->in_ended = true;
        each->put("");
    }
    pump();
    BOOST_TEST(server->connections() == 0U);
    BOOST_TEST(service.seen.size() == 300U);
}

BOOST_AUTO_TEST_CASE(a_server_may_end_while_they_queue) {
    const auto other = wire(honest);
    flood(flooding, 100, 3, echo("a"));
    context.restart();
    for (int i = 0; i < 150; ++i)
        context.poll_one();
    server.reset();
    pump();
    BOOST_TEST(service.seen.size() < 300U);
}

// Nobody is there to share with; and whoever comes finds the floods in the queue.
BOOST_AUTO_TEST_CASE(a_user_who_is_alone_never_queues_until_another_comes) {
    flood(flooding, 100, 100, unknown);
    context.restart();
    for (int i = 0; i < 20; ++i)
        context.poll_one();
    const std::ptrdiff_t so_far = static_cast<std::ptrdiff_t>(service.seen.size());
    BOOST_TEST(so_far > 0);
    const auto mine = wire(honest);
    mine->put(echo("a"));
    pump();
    // Each session that was on its way already has one turn; then it queues.
    BOOST_TEST(before_honest() - so_far <= (100 + 2) * parsed_per_slice);
    BOOST_TEST(service.seen.size() == 100U * 100 + 1);
}

BOOST_AUTO_TEST_CASE(what_lies_in_our_memory_is_limited_for_each_user) {
    const std::string half = "{\"method\":\"" + std::string(limits::frame_bytes_max - 100, 'x');
    // Each costs 64 KiB: some more connections than there is room for.
    const int room = limits::bytes_held_per_uid_max / static_cast<int>(limits::frame_bytes_max);
    flood(flooding, room + 20, 1, half);
    const auto mine = wire(honest);
    mine->put(half);
    pump();
    const auto closed =
        std::count_if(wires.begin(), wires.end(), [](const auto& each) { return each->closed; });
    BOOST_TEST(closed >= 20);
    BOOST_TEST(closed <= 40);  // they grow side by side: some go before the room is full
    BOOST_TEST(!mine->closed);
    BOOST_TEST(wires[wires.size() - 2]->sent.find("TooManyRequests") != std::string::npos);
    BOOST_TEST(log.contains("half messages and untaken replies"));
    for (const auto& each : wires)
        each->put("\"}" + std::string(1, '\0'));  // whole now, and nothing is held any more
    pump();
    BOOST_TEST(limits->add_bytes(flooding, limits::bytes_held_per_uid_max));
    BOOST_TEST(!limits->add_bytes(flooding, 1));
    BOOST_TEST(limits->add_bytes(honest, limits::bytes_held_per_uid_max));
    limits->remove_bytes(flooding, limits::bytes_held_per_uid_max);
    limits->remove_bytes(honest, limits::bytes_held_per_uid_max);
}

BOOST_AUTO_TEST_CASE(untaken_replies_count_too) {
    boost::json::object parameters;
    parameters["bytes"] = 200'000;
    const int room = limits::bytes_held_per_uid_max / 200'000;
    for (int i = 0; i < room + 20; ++i) {
        const auto deaf = wire(flooding);
        deaf->room = 0;
        deaf->put(call("Big", parameters));
    }
    pump();
    const auto closed =
        std::count_if(wires.begin(), wires.end(), [](const auto& each) { return each->closed; });
    BOOST_TEST(closed >= 20);
    for (const auto& each : wires) {
        each->room = 1 << 30;
        each->put("");
    }
    pump();
    BOOST_TEST(limits->add_bytes(flooding, limits::bytes_held_per_uid_max));
    limits->remove_bytes(flooding, limits::bytes_held_per_uid_max);
}

BOOST_AUTO_TEST_SUITE_END()
