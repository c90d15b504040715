// Streams in the crowd that close, are closed by each other, are destroyed, or hang up.
#include "crowd_streams.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;

namespace {
struct Edges : Streams {
    int hung_up = 0;

    std::function<void()> count() {
        return [this] { ++hung_up; };
    }
    // All have something to read at once; the first whose turn it is does this.
    void first_does(const std::function<void(End&)>& what) {
        bool first = true;
        for (const auto& end : ends)
            end->each = [&first, &what](End& self) {
                if (std::exchange(first, false)) what(self);
                return End::Next::read;
            };
        rounds(1);
        BOOST_TEST(!first);
        for (const auto& end : ends)
            end->each = {};
    }
    std::vector<int> turns() const {
        std::vector<int> all;
        for (const auto& end : ends)
            all.push_back(end->turns);
        return all;
    }
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(crowd_edges, Edges)

BOOST_AUTO_TEST_CASE(a_reader_closes_all_others_of_its_batch) {
    crowded(many);
    const auto before = turns();
    End* first = nullptr;
    bool resumed_inside = false;
    first_does([&](End& self) {
        first = &self;
        for (const auto& end : ends) {
            if (end.get() != &self) end->close();
            resumed_inside = resumed_inside || end->done;
        }
    });
    BOOST_TEST(!resumed_inside);
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const bool survives = ends[i].get() == first;
        BOOST_TEST(ends[i]->done == !survives);
        BOOST_TEST(ends[i]->turns == before[i] + (survives ? 1 : 0));
    }
    BOOST_TEST(crowd.size() == 1U);
    BOOST_TEST(first->send("more"));
    pump();
    BOOST_TEST(first->got.ends_with("more"));
}

// Here the coroutine doesn't own it.
BOOST_AUTO_TEST_CASE(a_reader_destroys_all_streams_of_its_batch_and_its_own) {
    crowded(many);
    first_does([&](End&) {
        for (const auto& end : ends) {
            end->next = End::Next::end;
            end->stream.reset();
        }
    });
    for (const auto& end : ends)
        BOOST_TEST(end->done);
    BOOST_TEST(crowd.size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_reader_closes_its_own_stream) {
    crowded(many);
    End* first = nullptr;
    first_does([&](End& self) {
        first = &self;
        self.close();
        BOOST_TEST(!self.done);
    });
    BOOST_TEST(first->done);
    BOOST_TEST(crowd.size() == ends.size() - 1);
}

// Somebody has a duplicate, so closing the descriptor alone leaves it in the kernel's list.
BOOST_AUTO_TEST_CASE(a_closed_stream_is_never_heard_of_again) {
    auto [server, client] = tb::test::socket_pair();
    const UniqueFd duplicate(::dup(server.get()));
    auto end = std::make_shared<End>(context, std::move(server), std::move(client));
    spawn(context.get_executor(), "test", serve(end));
    ends.push_back(end);
    crowded(many);
    end->close();
    pump();
    BOOST_TEST(end->done);
    BOOST_TEST(end->send("x"));
    const std::weak_ptr<End> gone = end;
    const UniqueFd peer = std::move(end->peer);
    end.reset();
    ends.erase(ends.begin());
    BOOST_TEST(gone.expired());
    rounds(3);
    BOOST_TEST(crowd.size() == ends.size());
}

BOOST_AUTO_TEST_CASE(a_hang_up_while_it_reads_is_told_once_and_read) {
    const auto end = add();
    end->stream->when_hung_up(count());
    crowded(many);
    BOOST_TEST(end->send("last"));
    end->peer.reset();
    pump();
    BOOST_TEST(hung_up == 1);
    BOOST_TEST(end->done);
    BOOST_TEST(end->got.ends_with("last"));
}

BOOST_AUTO_TEST_CASE(a_hang_up_while_it_does_not_read_is_told) {
    const auto end = add();
    const auto later = add();
    end->stream->when_hung_up(count());  // as after an earlier call that had to wait
    crowded(many);
    end->each = [](End&) { return End::Next::wait; };
    later->each = [&](End& self) {
        self.stream->when_hung_up(count());  // in its turn, as the first such call does
        return End::Next::wait;
    };
    rounds(1);
    BOOST_TEST(crowd.size() == ends.size() - 2);
    BOOST_TEST(hung_up == 0);
    end->peer.reset();
    pump();
    BOOST_TEST(hung_up == 1);
    later->peer.reset();
    pump();
    BOOST_TEST(hung_up == 2);
    BOOST_TEST(!end->ended);  // nobody read it
}

// The first was told: the next pending call watches again.
BOOST_AUTO_TEST_CASE(it_may_be_watched_again_after_it_was_told) {
    const auto end = add();
    end->each = [](End&) { return End::Next::wait; };
    BOOST_TEST(end->send("x"));
    pump();
    end->stream->when_hung_up([&] {
        ++hung_up;
        end->stream->when_hung_up(count());
    });
    end->peer.reset();
    pump();
    BOOST_TEST(hung_up == 2);
}

BOOST_AUTO_TEST_CASE(half_a_close_is_no_hang_up) {
    const auto end = add();
    end->stream->when_hung_up(count());
    crowded(many);
    end->each = [](End&) { return End::Next::wait; };
    BOOST_TEST(end->send("last"));
    ::shutdown(end->peer.get(), SHUT_WR);
    pump();
    BOOST_TEST(hung_up == 0);
    end->each = {};
    end->wake.notify_all();
    pump();
    BOOST_TEST(end->ended);
    BOOST_TEST(end->got.ends_with("last"));
    BOOST_TEST(hung_up == 0);
}

BOOST_AUTO_TEST_CASE(a_hang_up_is_never_told_after_close) {
    const auto in_crowd = add();
    in_crowd->stream->when_hung_up(count());
    crowded(many);
    const auto by_asio = add();
    by_asio->stream->when_hung_up(count());
    pump();
    in_crowd->peer.reset();
    by_asio->peer.reset();
    asio::post(context, [&] {  // before Asio looks
        in_crowd->close();
        by_asio->close();
    });
    pump();
    BOOST_TEST(hung_up == 0);
    BOOST_TEST(in_crowd->done);
    BOOST_TEST(by_asio->done);
}

// Asio sees the hang-up of one stream; before it tells, that stream is closed by the reader of one
// that leaves the crowd, and gets the other's place in Asio's memory.
BOOST_AUTO_TEST_CASE(the_hang_up_of_another_stream_is_not_its_own) {
    const auto watched = add();
    watched->stream->when_hung_up(count());
    crowded(many);
    const auto hanging = add();
    pump();
    watched->each = [&](End&) {
        hanging->close();
        return End::Next::wait;
    };
    BOOST_TEST(watched->send("x"));  // first in the order of epoll
    hanging->peer.reset();
    pump();
    BOOST_TEST(hanging->done);
    BOOST_TEST(hung_up == 0);
    watched->peer.reset();
    pump();
    BOOST_TEST(hung_up == 1);
}

BOOST_AUTO_TEST_CASE(a_stream_in_the_crowd_can_stop_reading) {
    crowded(many);
    BOOST_TEST(ends[0]->send("last"));
    ends[0]->stream->stop_reading();
    pump();
    BOOST_TEST(ends[0]->done);
    BOOST_TEST(ends[0]->got.ends_with("last"));
}

BOOST_AUTO_TEST_SUITE_END()
