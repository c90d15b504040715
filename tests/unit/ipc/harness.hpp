// A server under test in one thread: the test sends, pumps the loop until nothing is left to do,
// and looks. Time stands still unless moved, so nothing here sleeps.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "ipc/limits.hpp"
#include "ipc/server.hpp"
#include "manual_clock.hpp"
#include "memory_stream.hpp"
#include "test_service.hpp"

namespace tb::ipc::test {

// The client's end of a socket pair.
class Peer {
  public:
    explicit Peer(UniqueFd fd) : fd_(std::move(fd)) {}
    // False: the server closed.
    bool send(std::string_view bytes) {
        const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        return n == static_cast<ssize_t>(bytes.size());
    }
    // What has arrived so far; NULs shown as '|'.
    std::string receive(std::size_t most = 1 << 22) {
        std::string all;
        char part[4096];
        ssize_t n = 1;
        while (n > 0 && all.size() < most) {
            n = ::recv(fd_.get(), part, std::min(sizeof part, most - all.size()), MSG_DONTWAIT);
            if (n > 0) all.append(part, static_cast<std::size_t>(n));
            if (n == 0) ended_ = true;
            if (n < 0 && errno == ECONNRESET) ended_ = true;
        }
        std::replace(all.begin(), all.end(), '\0', '|');
        return all;
    }
    // The server closed, and everything before was received.
    bool ended() {
        (void)receive();
        return ended_;
    }
    void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
    void close() { fd_.reset(); }
    int fd() const { return fd_.get(); }

  private:
    UniqueFd fd_;
    bool ended_ = false;
};

inline Caller caller_of(uid_t uid) {
    Caller caller;
    caller.uid = uid;
    caller.gid = uid;
    return caller;
}

struct Fixture {
    asio::io_context context{1};
    ManualClock clock;
    MemoryLog log;
    TestService service;
    std::shared_ptr<Limits> limits = create_limits();
    std::unique_ptr<Server> server;

    explicit Fixture(UniqueFd listener = {}) {
        ServerOptions options;
        options.vendor = "test vendor";
        options.product = "test product";
        options.version = "1.2.3";
        options.interfaces.push_back({"test.calls", "interface test.calls\nmethod Echo() -> ()\n"});
        server = create_server(context.get_executor(), std::move(listener), std::move(options),
                               service, limits, clock, log);
    }
    ~Fixture() {
        server.reset();
        service.pendings.clear();
        pump();
        BOOST_TEST(live_coroutines() == 0);
        BOOST_TEST(limits->connections() == 0);
    }

    void pump() {
        context.restart();
        for (int i = 0; i < 100'000 && context.poll() > 0; ++i)
            context.restart();
    }
    void advance(Millis by) {
        const BootTime until = clock.now() + by;
        pump();
        while (clock.step(until))
            pump();
        pump();
    }
    Peer connect(uid_t uid = 1000, int buffer_bytes = 0) {
        int fds[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        if (buffer_bytes > 0)
            ::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
        server->adopt(create_socket_stream(context.get_executor(), UniqueFd(fds[0])),
                      caller_of(uid));
        pump();
        return Peer(UniqueFd(fds[1]));
    }
    std::shared_ptr<Wire> connect_wire(uid_t uid = 1000) {
        auto wire = std::make_shared<Wire>(context.get_executor());
        server->adopt(std::make_unique<MemoryStream>(wire), caller_of(uid));
        return wire;
    }
    // Sends and answers what can be answered now.
    std::string ask(Peer& peer, std::string_view bytes) {
        BOOST_TEST(peer.send(bytes));
        pump();
        return peer.receive();
    }
};

// A call as it lies on the wire, with its NUL.
inline std::string call(std::string_view method, boost::json::object parameters = {},
                        std::string_view flag = {}) {
    return proto::make_call("test.calls." + std::string(method), parameters, flag == "more",
                            flag == "oneway");
}
inline std::string echo(std::string_view text) {
    boost::json::object parameters;
    parameters["text"] = boost::json::string_view(text.data(), text.size());
    return call("Echo", std::move(parameters));
}
// The reply to it, as Peer::receive shows it.
inline std::string echoed(std::string_view text) {
    return "{\"parameters\":{\"text\":\"" + std::string(text) + "\"}}|";
}

}  // namespace tb::ipc::test
