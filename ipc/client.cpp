// The blocking client. What must stay true: one call has one deadline, however the reply trickles
// in; and a connection on which anything went wrong is never used again. The deadline is a timerfd,
// so that no clock is read here.
#include "ipc/client.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "proto/message.hpp"

namespace tb::ipc {
namespace {
constexpr time_t connect_timeout_s = 5;  // the daemon's queue of new connections is full

Error cannot_connect(const std::string& path, int error) {
    switch (error) {
        case ENOENT:
            return {errc::io, fmt::format("{}: no such file: is tokenbrokerd running?", path)};
        case ECONNREFUSED:
            return {errc::io, fmt::format("{}: nobody listens there: start tokenbrokerd", path)};
        case EACCES:
        case EPERM:
            return {errc::permission_denied,
                    fmt::format("{}: you may not connect to it: ask for the right group, or run "
                                "as root",
                                path)};
        case EAGAIN:
            return {errc::io, fmt::format("{}: tokenbrokerd takes no new connection", path)};
        default:
            return {errc::io, fmt::format("{}: {}", path, std::strerror(error))};
    }
}

// Fires once after `timeout_ms`; none (-1) without a timeout.
Result<UniqueFd> start_timer(int timeout_ms) {
    if (timeout_ms <= 0) return UniqueFd();
    UniqueFd timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    itimerspec at{};
    at.it_value.tv_sec = timeout_ms / 1000;
    at.it_value.tv_nsec = (timeout_ms % 1000) * 1'000'000L;
    if (!timer || ::timerfd_settime(timer.get(), 0, &at, nullptr) != 0)
        return Error{errc::io, fmt::format("no timer: {}", std::strerror(errno))};
    return timer;
}
}  // namespace

Result<Client> Client::connect(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.empty() || socket_path.size() >= sizeof address.sun_path)
        return Error{errc::io,
                     fmt::format("\"{}\": not a path a Unix socket can have (1 to {} bytes)",
                                 socket_path, sizeof address.sun_path - 1)};
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return cannot_connect(socket_path, errno);
    const timeval patience{.tv_sec = connect_timeout_s, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int result = 0;
    for (int attempt = 0; attempt < 10; ++attempt) {
        result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        if (result == 0 || errno != EINTR) break;
    }
    if (result != 0) return cannot_connect(socket_path, errno);
    return Client(std::move(fd), socket_path);
}

Error Client::lost(std::string_view method, errc code, std::string_view why) {
    fd_.reset();
    return {code, fmt::format("{}: {}: {}", path_, method, why)};
}

// Until the socket is ready or the call's time is up.
Result<void> Client::wait(short events, int timer_fd, std::string_view method) {
    for (;;) {
        pollfd waits[2] = {{.fd = fd_.get(), .events = events, .revents = 0},
                           {.fd = timer_fd, .events = POLLIN, .revents = 0}};
        const int ready = ::poll(waits, timer_fd < 0 ? 1 : 2, -1);
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return lost(method, errc::io, std::strerror(errno));
        // The timer first: an answer that trickles in is always ready.
        if (waits[1].revents != 0)
            return lost(method, errc::timed_out,
                        "no answer in time: tokenbrokerd is busy or hangs");
        return {};
    }
}

Result<void> Client::send(std::string_view method, const boost::json::object& parameters, bool more,
                          int timer_fd) {
    if (!fd_) return lost(method, errc::closed, "the connection was closed before");
    std::string frame = proto::make_call(method, parameters, more);
    std::string_view left = frame;
    Result<void> done;
    while (!left.empty() && done) {
        const ssize_t n = ::send(fd_.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            left.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            done = wait(POLLOUT, timer_fd, method);
        } else if (errno == EPIPE || errno == ECONNRESET) {
            done = lost(method, errc::closed, "tokenbrokerd closed the connection");
        } else if (errno != EINTR) {
            done = lost(method, errc::io, std::strerror(errno));
        }
    }
    ::explicit_bzero(frame.data(), frame.size());  // it may have carried a grant
    return done;
}

Result<CallReply> Client::receive(std::string_view method, int timer_fd) {
    for (;;) {
        if (const auto frame = reader_.next()) {
            auto reply = proto::parse_reply(*frame);
            if (!reply) return lost(method, errc::protocol, reply.error().message);
            CallReply result{.parameters = std::move(reply->parameters),
                             .error = std::nullopt,
                             .continues = reply->continues};
            if (!reply->error.empty()) {
                result.error = CallError{std::move(reply->error), std::move(result.parameters)};
                result.parameters = {};
                result.continues = false;  // an error ends a call
            }
            return Result<CallReply>(std::move(result));
        }
        const std::span<char> space = reader_.space();
        const ssize_t n = ::recv(fd_.get(), space.data(), space.size(), MSG_DONTWAIT);
        if (n > 0) {
            if (!reader_.feed(static_cast<std::size_t>(n)))
                return lost(method, errc::protocol, "the answer is larger than any can be");
        } else if (n == 0 || errno == ECONNRESET) {
            return lost(method, errc::closed,
                        "tokenbrokerd closed the connection before it answered: did it stop?");
        } else if (errno == EAGAIN) {
            if (auto ready = wait(POLLIN, timer_fd, method); !ready) return ready.error();
        } else if (errno != EINTR) {
            return lost(method, errc::io, std::strerror(errno));
        }
    }
}

Result<CallReply> Client::await_reply(std::string_view method, int timeout_ms) {
    const auto timer = start_timer(timeout_ms);
    if (!timer) return timer.error();
    return receive(method, timer->get());
}

Result<CallReply> Client::call(std::string_view method, boost::json::object parameters,
                               int timeout_ms) {
    const auto timer = start_timer(timeout_ms);
    if (!timer) return timer.error();
    if (auto sent = send(method, parameters, false, timer->get()); !sent) return sent.error();
    auto reply = receive(method, timer->get());
    if (reply && reply->continues)
        return lost(method, errc::protocol, "more than one answer to a call that takes one");
    return reply;
}

Result<void> Client::call_more(std::string_view method, boost::json::object parameters,
                               std::function<bool(CallReply)> each) {
    if (auto sent = send(method, parameters, true, -1); !sent) return sent.error();
    for (;;) {
        auto reply = receive(method, -1);
        if (!reply) return reply.error();
        const bool last = !reply->continues;
        if (!each(std::move(*reply)) && !last) fd_.reset();
        if (last || !fd_) return {};
    }
}

std::string default_socket(const std::string& option, bool admin) {
    namespace fs = std::filesystem;
    const auto beside = [admin](const fs::path& tokens) {
        return (admin ? tokens.parent_path() / "admin.sock" : tokens).string();
    };
    if (!option.empty()) return beside(option);
    if (const char* from = std::getenv("TOKENBROKER_SOCKET"); from != nullptr && *from != '\0')
        return beside(from);
    if (const char* run = std::getenv("XDG_RUNTIME_DIR"); run != nullptr && *run == '/') {
        const fs::path user = fs::path(run) / "tokenbroker" / "tokens.sock";
        std::error_code ignored;
        if (fs::exists(user, ignored)) return beside(user);
    }
    return beside("/run/tokenbroker/tokens.sock");
}

}  // namespace tb::ipc
