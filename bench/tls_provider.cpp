// An OAuth2 token endpoint (RFC 6749, 5 and 6) that is fast enough not to be what is measured: one
// thread, epoll, OpenSSL, keep-alive, nothing parsed that need not be. Loopback only.
//   tls_provider --chain FILE [--port N] [--accounts N] [--expires-in S] [--latency-ms MS]
//                [--token-bytes B] [--close yes] [--rotate no]
// FILE holds key and certificate (tests/simulator/ca.py makes it). The first line on standard
// output is {"port":N}. Then each line on standard input is an order, answered by one line of JSON:
//   stats              what was counted so far
//   latency MS         of replies from now on
//   limit MS S         for MS from now: 429 with Retry-After: S
//   fail MS            for MS from now: 503
//   quit
// Refresh tokens are rt_test_ACCOUNT_VERSION. A version that is not the newest is invalid_grant and
// counted as `reused`: a broker that keeps its promises has none. --close yes: each connection
// takes one request and can't be resumed, so each request costs a full handshake.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/tls_connection.hpp"

namespace {

using namespace tb::bench;

class Provider {
  public:
    explicit Provider(const Wish& wish) : wish_(wish), endpoint_(wish) {
        context_ = server_context(wish_);
        listen();
    }
    ~Provider() { SSL_CTX_free(context_); }
    Provider(const Provider&) = delete;
    Provider& operator=(const Provider&) = delete;

    void run() {
        for (;;) {  // until an order says quit or standard input ends
            epoll_event events[256];
            const int n = ::epoll_wait(epoll_, events, 256, wait_ms());
            for (int i = 0; i < n; ++i) {
                const std::uint64_t id = events[i].data.u64;
                if (id == listener_id)
                    accept_all();
                else if (id == orders_id) {
                    if (!take_orders()) return;
                } else {
                    serve(id);
                }
            }
            send_due();
        }
    }

  private:
    static constexpr std::uint64_t listener_id = 0;
    static constexpr std::uint64_t orders_id = 1;
    void watch(int fd, std::uint64_t id, std::uint32_t events) const {
        epoll_event event{};
        event.events = events;
        event.data.u64 = id;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll_ctl failed");
    }

    void listen() {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int yes = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(wish_.port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(listener_, 1024) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            give_up("can't listen on 127.0.0.1");
        watch(listener_, listener_id, EPOLLIN);
        ::fcntl(STDIN_FILENO, F_SETFL, ::fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
        watch(STDIN_FILENO, orders_id, EPOLLIN);
        say(fmt::format("{{\"port\":{}}}\n", ntohs(address.sin_port)));
    }

    static void say(const std::string& line) {
        std::fputs(line.c_str(), stdout);
        std::fflush(stdout);
    }

    int wait_ms() const {
        if (later_.empty()) return -1;
        const auto left = later_.front().at - Clock::now();
        if (left <= Clock::duration::zero()) return 0;
        return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
    }

    void accept_all() {
        for (;;) {  // until none waits
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            const int yes = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            auto connection = std::make_unique<Connection>();
            connection->fd = fd;
            connection->id = next_id_++;
            connection->ssl = SSL_new(context_);
            SSL_set_fd(connection->ssl, fd);
            SSL_set_accept_state(connection->ssl);
            watch(fd, connection->id, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP);
            connections_.emplace(connection->id, std::move(connection));
            ++endpoint_.stats.connections;
            ++endpoint_.stats.open_now;
        }
    }

    void drop(std::uint64_t id) { endpoint_.stats.open_now -= connections_.erase(id); }

    // False: the connection is over.
    bool went_on(const Connection& connection, int result) const {
        const int why = SSL_get_error(connection.ssl, result);
        ERR_clear_error();
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    }

    bool shake(Connection& connection) {
        const int done = SSL_do_handshake(connection.ssl);
        if (done != 1) return went_on(connection, done);
        connection.handshaken = true;
        ++(SSL_session_reused(connection.ssl) == 1 ? endpoint_.stats.resumed
                                                   : endpoint_.stats.handshakes);
        return true;
    }

    void serve(std::uint64_t id) {
        const auto found = connections_.find(id);
        if (found == connections_.end()) return;
        Connection& connection = *found->second;
        if (!connection.handshaken && !shake(connection)) return drop(id);
        if (!connection.handshaken) return;
        for (;;) {  // until there is nothing to read
            char bytes[16 * 1024];
            const int n = SSL_read(connection.ssl, bytes, sizeof bytes);
            if (n > 0) {
                connection.in.append(bytes, static_cast<std::size_t>(n));
                continue;
            }
            if (!went_on(connection, n)) return drop(id);
            break;
        }
        take_requests(connection);
        send(connection);
    }

    void take_requests(Connection& connection) {
        std::string_view left = connection.in;
        for (;;) {  // ends where a request is not whole
            const std::size_t head_end = left.find("\r\n\r\n");
            if (head_end == std::string_view::npos) break;
            const std::string_view head = left.substr(0, head_end + 2);
            const auto length = std::max<std::int64_t>(0, number(header(head, "content-length")));
            const std::size_t whole = head_end + 4 + static_cast<std::size_t>(length);
            if (left.size() < whole) break;
            answer(connection, left.substr(head_end + 4, static_cast<std::size_t>(length)));
            left.remove_prefix(whole);
        }
        connection.in.erase(0, connection.in.size() - left.size());
    }

    void answer(Connection& connection, std::string_view form) {
        ++endpoint_.stats.requests;
        ++endpoint_.stats.busy_now;
        endpoint_.stats.busy_most = std::max(endpoint_.stats.busy_most, endpoint_.stats.busy_now);
        const Time now = Clock::now();
        std::string reply = endpoint_.reply_to(form, now);
        later_.push_back(
            {now + std::chrono::milliseconds(wish_.latency_ms), connection.id, std::move(reply)});
    }

    void send_due() {
        const Time now = Clock::now();
        while (!later_.empty() && later_.front().at <= now) {
            Later due = std::move(later_.front());
            later_.pop_front();
            --endpoint_.stats.busy_now;
            const auto found = connections_.find(due.connection);
            if (found == connections_.end()) continue;
            found->second->out += due.reply;
            found->second->ending = wish_.close;
            send(*found->second);
        }
    }

    void send(Connection& connection) {
        while (!connection.out.empty()) {
            const int n = SSL_write(connection.ssl, connection.out.data(),
                                    static_cast<int>(connection.out.size()));
            if (n > 0) {
                connection.out.erase(0, static_cast<std::size_t>(n));
                continue;
            }
            if (!went_on(connection, n)) drop(connection.id);
            return;
        }
        if (!connection.ending) return;
        SSL_shutdown(connection.ssl);
        drop(connection.id);
    }

    bool take_orders() {
        char bytes[512];
        const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (n <= 0) return n < 0 && errno == EAGAIN;
        orders_.append(bytes, static_cast<std::size_t>(n));
        for (std::size_t end = 0; (end = orders_.find('\n')) != std::string::npos;) {
            const std::string line = orders_.substr(0, end);
            orders_.erase(0, end + 1);
            if (line == "quit") return false;
            obey(line);
        }
        return true;
    }

    void obey(std::string_view line) {
        const auto word = [&line] {
            const std::string_view first = line.substr(0, line.find(' '));
            line.remove_prefix(std::min(line.size(), first.size() + 1));
            return first;
        };
        const std::string_view order = word();
        const Time now = Clock::now();
        if (order == "latency") {
            wish_.latency_ms = std::max<std::int64_t>(0, number(word()));
        } else if (order == "limit") {
            const Time until = now + std::chrono::milliseconds(number(word()));
            endpoint_.limit(until, std::chrono::seconds(number(word())));
        } else if (order == "fail") {
            endpoint_.fail(now + std::chrono::milliseconds(number(word())));
        } else if (order != "stats") {
            return say(R"({"error":"no such order"})"
                       "\n");
        }
        say(endpoint_.stats.json());
    }

    Wish wish_;
    Endpoint endpoint_;
    SSL_CTX* context_ = nullptr;
    int epoll_ = -1;
    int listener_ = -1;
    std::uint64_t next_id_ = 2;
    std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
    std::deque<Later> later_;
    std::string orders_;
};

}  // namespace

int main(int argc, char** argv) {
    ::signal(SIGPIPE, SIG_IGN);
    Provider provider(parse(argc, argv));
    provider.run();
    return 0;
}
