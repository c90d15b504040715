// Socket streams under test, both ends in one thread. Each server's end is read by a coroutine that
// owns it, as a session owns its own.
#pragma once

#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/async.hpp"
#include "ipc/byte_stream.hpp"
#include "ipc/crowd.hpp"
#include "process.hpp"

namespace tb::ipc::test {

inline constexpr int many = 16;  // streams: enough for a crowd

struct End final : ByteStream::Reader {
    enum class Next { read, write, wait, end };

    std::unique_ptr<ByteStream> stream;
    UniqueFd peer;
    Event wake;                       // of Next::wait
    std::function<Next(End&)> each;   // after each read; none: read on
    std::function<Next(End&)> write;  // when it may be written again
    Next next = Next::read;
    std::string got;
    std::size_t buffer_bytes = 64;
    int turns = 0;
    bool ended = false;  // the stream did
    bool done = false;   // its coroutine did

    End(asio::io_context& context, UniqueFd server, UniqueFd client)
        : stream(create_socket_stream(context.get_executor(), std::move(server))),
          peer(std::move(client)),
          wake(context.get_executor()) {}

    bool readable() override {
        ++turns;
        std::array<char, 4096> buffer{};
        const auto step = stream->try_read(std::span(buffer).first(buffer_bytes));
        got.append(buffer.data(), step.bytes);
        ended = step.ended;
        const Next wanted = ended ? Next::end : each ? each(*this) : Next::read;
        if (next != Next::end) next = wanted;
        return next == Next::read;
    }
    void close() {
        next = Next::end;
        if (stream) stream->close();
        wake.notify_all();
    }
    bool send(std::string_view bytes) const {
        return ::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
               static_cast<ssize_t>(bytes.size());
    }
};

inline awaitable<void> serve(std::shared_ptr<End> end) {
    while (end->next != End::Next::end) {
        if (end->next == End::Next::read) {
            co_await end->stream->wait_readable(*end);
        } else if (end->next == End::Next::write) {
            co_await end->stream->wait_writable();
            const auto wanted = end->write(*end);
            if (end->next != End::Next::end) end->next = wanted;
        } else {
            co_await end->wake.wait();
            if (end->next != End::Next::end) end->next = End::Next::read;
        }
    }
    end->done = true;
    if (end->stream) end->stream->close();
}

struct Streams {
    asio::io_context context{1};
    Crowd& crowd = asio::use_service<Crowd>(context);
    std::vector<std::shared_ptr<End>> ends;

    ~Streams() {
        for (const auto& end : ends)
            end->close();
        pump();
        BOOST_TEST(crowd.size() == 0U);
        BOOST_TEST(live_coroutines() == 0);
    }
    std::shared_ptr<End> add() {
        auto [server, client] = tb::test::socket_pair();
        constexpr int soon_full = 4'096;
        ::setsockopt(server.get(), SOL_SOCKET, SO_SNDBUF, &soon_full, sizeof soon_full);
        auto end = std::make_shared<End>(context, std::move(server), std::move(client));
        spawn(context.get_executor(), "test", serve(end));
        ends.push_back(end);
        return end;
    }
    void add(int count) {
        for (int i = 0; i < count; ++i)
            (void)add();
        pump();
    }
    // Until nothing is left to do; a loop that spins is a failure.
    void pump() {
        context.restart();
        int passes = 0;
        while (context.poll() > 0 && ++passes < 10'000)
            context.restart();
        BOOST_TEST(passes < 10'000);
    }
    // All are busy at the same time.
    void rounds(int count) {
        for (int i = 0; i < count; ++i) {
            for (const auto& end : ends)
                (void)end->send("x");
            pump();
        }
    }
    // One after the other, each alone.
    void sparsely(int turns) {
        for (int i = 0; i < turns; ++i) {
            (void)ends[static_cast<std::size_t>(i) % ends.size()]->send("x");
            pump();
        }
    }
    // Many enough to be a crowd, and in it.
    void crowded(int count) {
        add(count);
        rounds(Crowd::turns_among_others_min + 1);
        BOOST_REQUIRE(crowd.size() == ends.size());
    }
};

}  // namespace tb::ipc::test
