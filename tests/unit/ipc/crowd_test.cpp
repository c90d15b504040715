// Who is in the crowd, and when: many busy streams, never few, and not those whom it costs more
// than it saves.
#include <sys/resource.h>

#include <filesystem>

#include "crowd_streams.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;

namespace {
constexpr int few = static_cast<int>(Crowd::others_min);  // one less than this are the others
constexpr int balance = Crowd::calls_balance_max;

std::ptrdiff_t open_descriptors() {
    using Files = std::filesystem::directory_iterator;
    return std::distance(Files("/proc/self/fd"), Files());
}

// 0: all that waited in the crowd was freed with the io_context.
int free_who_waits() {
    std::vector<std::weak_ptr<End>> waiting;
    {
        asio::io_context context(1);
        std::vector<std::shared_ptr<End>> ends;
        for (int i = 0; i < many; ++i) {
            auto [server, client] = tb::test::socket_pair();
            ends.push_back(std::make_shared<End>(context, std::move(server), std::move(client)));
            spawn(context.get_executor(), "test", serve(ends.back()));
        }
        for (int round = 0; round < 10; ++round) {
            for (const auto& end : ends)
                (void)end->send("x");
            context.poll();
            context.restart();
            context.poll();
            context.restart();
        }
        if (asio::use_service<Crowd>(context).size() != ends.size()) return 1;
        ends[0]->close();  // one that is on its way out
        waiting.assign(ends.begin(), ends.end());
    }
    for (const auto& end : waiting)
        if (!end.expired()) return 2;
    return 0;
}
}  // namespace

BOOST_FIXTURE_TEST_SUITE(crowd, Streams)

BOOST_AUTO_TEST_CASE(many_busy_streams_join_after_some_turns_among_others) {
    add(many);
    rounds(Crowd::turns_among_others_min - 1);
    BOOST_TEST(crowd.size() == 0U);
    rounds(2);
    BOOST_TEST(crowd.size() == ends.size());
    rounds(100);
    BOOST_TEST(crowd.size() == ends.size());
    for (const auto& end : ends)
        BOOST_TEST(end->got.size() == 100U + Crowd::turns_among_others_min + 1);
}

BOOST_AUTO_TEST_CASE(few_never_join) {
    add(1);
    sparsely(1'000);
    BOOST_TEST(crowd.size() == 0U);
    add(few - 1);
    rounds(1'000);
    BOOST_TEST(crowd.size() == 0U);
}

BOOST_AUTO_TEST_CASE(now_and_then_among_others_is_not_enough) {
    add(many);
    for (int i = 0; i < 50; ++i) {
        rounds(Crowd::turns_among_others_min - 2);
        for (const auto& end : ends) {  // one more, and then one right after that
            BOOST_TEST(end->send("x"));
            pump();
            BOOST_TEST(end->send("x"));
            pump();
        }
        BOOST_TEST(crowd.size() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(who_is_left_alone_leaves) {
    crowded(many);
    rounds(10);
    for (int i = 0; i < 2 * balance + 1; ++i) {
        BOOST_TEST(ends[0]->send("x"));
        pump();
    }
    BOOST_TEST(crowd.size() == ends.size() - 1);
    BOOST_TEST(ends[0]->send("last"));
    pump();
    BOOST_TEST(ends[0]->got.ends_with("last"));
}

// Each of their turns costs a call more than by Asio.
BOOST_AUTO_TEST_CASE(where_it_saves_nothing_it_sends_all_back_and_stays_closed_for_a_while) {
    crowded(many);
    rounds(10);  // the best balance there can be
    sparsely(2 * balance - 1);
    BOOST_TEST(crowd.size() == ends.size());
    sparsely(1 + many);
    BOOST_TEST(crowd.size() == 0U);
    int closed = static_cast<int>(Crowd::closed_turns_min);
    for (int again = 0; again < 3; ++again) {
        sparsely(closed - many - 1);
        BOOST_TEST(crowd.size() == 0U);
        sparsely(many + balance - 1);  // all join at their next turns, and lose
        BOOST_TEST(crowd.size() == ends.size());
        sparsely(1 + many);
        BOOST_TEST(crowd.size() == 0U);
        closed *= 2;
    }
    sparsely(closed);  // now it was worth it
    rounds(10);
    sparsely(2 * balance + many);
    BOOST_TEST(crowd.size() == 0U);
    sparsely(static_cast<int>(Crowd::closed_turns_min) + 1);
    BOOST_TEST(crowd.size() > 0U);
}

// Whoever else waits for the thread does so for one batch.
BOOST_AUTO_TEST_CASE(the_event_loop_has_its_turn_between_two_batches) {
    crowded(3 * Crowd::batch_max);
    int turns = 0;
    int turns_before_other = 0;
    for (const auto& end : ends)
        end->each = [&](End&) {
            if (turns++ == 0) asio::post(context, [&] { turns_before_other = turns; });
            return End::Next::read;
        };
    rounds(1);
    BOOST_TEST(turns == 3 * Crowd::batch_max);
    BOOST_TEST(turns_before_other <= Crowd::batch_max);
    for (const auto& end : ends)
        end->each = {};
}

BOOST_AUTO_TEST_CASE(a_stream_that_stops_waiting_leaves_and_may_come_back) {
    crowded(many);
    ends[3]->each = [](End& end) {
        return end.got.ends_with("wait") ? End::Next::wait : End::Next::read;
    };
    BOOST_TEST(ends[3]->send("wait"));
    pump();
    BOOST_TEST(crowd.size() == ends.size() - 1);
    const int turns = ends[3]->turns;
    BOOST_TEST(ends[3]->send("more"));
    rounds(3);  // nobody reads there, and nothing spins
    BOOST_TEST(ends[3]->turns == turns);
    ends[3]->wake.notify_all();
    rounds(Crowd::turns_among_others_min + 2);
    BOOST_TEST(crowd.size() == ends.size());
    BOOST_TEST(ends[3]->got.find("waitmore") != std::string::npos);
}

// A reader may take only some of what is there.
BOOST_AUTO_TEST_CASE(what_a_reader_leaves_is_shown_to_it_again) {
    crowded(many);
    for (const auto& end : ends) {
        end->buffer_bytes = 3;
        end->got.clear();
        BOOST_TEST(end->send("abcdefghijklm"));
    }
    pump();
    for (const auto& end : ends)
        BOOST_TEST(end->got == "abcdefghijklm");
}

BOOST_AUTO_TEST_CASE(the_event_loop_ends_with_the_last_stream) {
    const auto before = open_descriptors();
    crowded(many);
    for (const auto& end : ends)
        end->peer.reset();
    context.restart();
    context.run();  // ends
    for (const auto& end : ends)
        BOOST_TEST(end->done);
    BOOST_TEST(crowd.size() == 0U);
    BOOST_TEST(open_descriptors() == before);
}

// And the crowd begins anew when others come.
BOOST_AUTO_TEST_CASE(an_emptied_crowd_fills_again) {
    for (int again = 0; again < 3; ++again) {
        crowded(many);
        for (const auto& end : ends)
            end->close();
        BOOST_TEST(crowd.size() == 0U);
        if (again != 1) pump();  // once with the old wait still on its way
        ends.clear();
    }
}

// The wait of the epoll that is closed is on its way when the next one opens.
BOOST_AUTO_TEST_CASE(the_last_may_leave_as_another_joins) {
    crowded(many);
    const auto other = add();
    rounds(Crowd::turns_among_others_min - 1);
    BOOST_TEST(crowd.size() == ends.size() - 1);
    other->each = [&](End& self) {
        for (const auto& end : ends)
            if (end.get() != &self) end->close();
        return End::Next::read;
    };
    rounds(1);
    BOOST_TEST(crowd.size() == 1U);
    BOOST_TEST(other->send("more"));
    pump();
    BOOST_TEST(other->got.ends_with("more"));
}

BOOST_AUTO_TEST_CASE(without_a_descriptor_to_spare_all_wait_by_asio) {
    add(many);
    rlimit before{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit none_left = before;
    {
        const UniqueFd next(::dup(ends[0]->peer.get()));
        none_left.rlim_cur = static_cast<rlim_t>(next.get());
    }
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none_left) == 0);
    rounds(10);
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    BOOST_TEST(crowd.size() == 0U);
    for (const auto& end : ends)
        BOOST_TEST(end->got.size() == 10U);
    rounds(1);
    BOOST_TEST(crowd.size() == ends.size());
}

// In a child: what is destroyed while it waits never counts as ended.
BOOST_AUTO_TEST_CASE(the_end_of_the_io_context_frees_who_waits) {
    tb::test::Child child([](tb::test::Child&) { return free_who_waits(); });
    BOOST_TEST(child.reap() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
