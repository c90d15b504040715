// The floor: the least a server can do for a NUL-framed request on a Unix socket. One thread, one
// epoll, read, find each NUL, answer all of one read in one write with a fixed reply. No parsing,
// no tokens, no access check; whatever a broker costs beyond this is its own.
//   bench_floor --socket PATH [--reply-bytes N]
// A reply begins as the broker's does, so that the load generator can tell one from rubbish.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr int events_max = 64;

struct Options {
    std::string socket;
    std::size_t reply_bytes = 1200;
};

struct Connection {
    int fd = -1;
};

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

Options parse(int count, char** words) {
    Options options;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name = words[i];
        if (name == "--socket")
            options.socket = words[i + 1];
        else if (name == "--reply-bytes")
            options.reply_bytes = std::strtoul(words[i + 1], nullptr, 10);
    }
    if (options.socket.empty() || options.reply_bytes < 100) {
        std::fputs("bench_floor: --socket PATH [--reply-bytes N], N at least 100\n", stderr);
        std::exit(2);
    }
    return options;
}

int listen_at(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (fd < 0 || path.size() >= sizeof address.sun_path) give_up("socket");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    (void)::umask(0);  // any uid may connect
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        give_up("bind");
    if (::listen(fd, SOMAXCONN) != 0) give_up("listen");
    return fd;
}

class Server {
  public:
    explicit Server(const Options& options) : listener_(listen_at(options.socket)) {
        reply_ = R"({"parameters":{"token":{"account":")";
        reply_.resize(options.reply_bytes - 5, 'x');
        reply_ += std::string_view("\"}}}\0", 5);
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        watch(listener_, nullptr);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, events_max> events{};
        for (;;) {
            const int ready = ::epoll_wait(epoll_, events.data(), events_max, -1);
            for (int i = 0; i < ready; ++i) {
                auto* connection = static_cast<Connection*>(events[i].data.ptr);
                if (connection == nullptr)
                    accept_one();
                else if (!serve(*connection))
                    end(connection);
            }
        }
    }

  private:
    void watch(int fd, Connection* connection) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = connection;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll_ctl");
    }

    void accept_one() {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        auto* connection = new Connection;
        connection->fd = fd;
        watch(fd, connection);
    }

    void end(Connection* connection) {
        ::close(connection->fd);
        delete connection;
    }

    bool serve(Connection& connection) {
        const ssize_t got = ::read(connection.fd, in_.data(), in_.size());
        if (got <= 0) return got < 0 && errno == EAGAIN;
        out_.clear();
        const char* from = in_.data();
        const char* const to = from + got;
        while (const void* nul = std::memchr(from, '\0', static_cast<std::size_t>(to - from))) {
            out_ += reply_;
            from = static_cast<const char*>(nul) + 1;
        }
        return send_all(connection);
    }

    static bool wait_writable(int fd) {
        pollfd wanted{fd, POLLOUT, 0};
        return ::poll(&wanted, 1, -1) == 1;
    }

    // Clients here take what they asked for: a full socket is waited for in place.
    bool send_all(Connection& connection) {
        std::string_view rest = out_;
        while (!rest.empty()) {
            const ssize_t sent = ::send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent >= 0)
                rest.remove_prefix(static_cast<std::size_t>(sent));
            else if (errno != EAGAIN || !wait_writable(connection.fd))
                return false;
        }
        return true;
    }

    int listener_;
    int epoll_ = -1;
    std::string reply_;
    std::string out_;
    std::vector<char> in_ = std::vector<char>(read_bytes);
};

}  // namespace

int main(int count, char** words) {
    Server(parse(count, words)).run();
}
