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
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

struct Wish {
    std::string chain;
    std::int64_t port = 0;
    std::int64_t accounts = 1'000'000;
    std::int64_t expires_in_s = 3'600;
    std::int64_t latency_ms = 0;
    std::int64_t token_bytes = 1'024;
    bool close = false;
    bool rotate = true;
};

[[noreturn]] void give_up(std::string_view why) {
    fmt::print(stderr, "tls_provider: {}\n", why);
    std::exit(1);
}

std::int64_t number(std::string_view text) {
    std::int64_t value = -1;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() ? value : -1;
}

Wish parse(int argc, char** argv) {
    Wish wish;
    const std::map<std::string_view, std::int64_t*> numbers = {
        {"--port", &wish.port},
        {"--accounts", &wish.accounts},
        {"--expires-in", &wish.expires_in_s},
        {"--latency-ms", &wish.latency_ms},
        {"--token-bytes", &wish.token_bytes}};
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        const std::string_view value = argv[i + 1];
        if (const auto found = numbers.find(name); found != numbers.end())
            *found->second = number(value);
        else if (name == "--chain")
            wish.chain = value;
        else if (name == "--close")
            wish.close = value == "yes";
        else if (name == "--rotate")
            wish.rotate = value != "no";
        else
            give_up(fmt::format("there is no option {}", name));
    }
    if (argc % 2 == 0 || wish.chain.empty()) give_up("--chain FILE is needed");
    return wish;
}

struct Stats {
    std::uint64_t connections = 0;  // accepted
    std::uint64_t handshakes = 0;   // done, full ones
    std::uint64_t resumed = 0;      // done, resumed
    std::uint64_t requests = 0;
    std::uint64_t granted = 0;
    std::uint64_t refused = 0;  // 400
    std::uint64_t reused = 0;   // of those: a refresh token that is not the newest
    std::uint64_t limited = 0;  // 429
    std::uint64_t failed = 0;   // 503
    std::uint64_t early = 0;    // requests while a Retry-After was running and could be known
    std::uint64_t open_now = 0;
    std::uint64_t busy_now = 0;  // requests taken and not answered
    std::uint64_t busy_most = 0;

    std::string json() const {
        rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        const auto us = [](const timeval& at) { return at.tv_sec * 1'000'000 + at.tv_usec; };
        return fmt::format(
            "{{\"connections\":{},\"handshakes\":{},\"resumed\":{},\"requests\":{},\"granted\":{},"
            "\"refused\":{},\"reused\":{},\"limited\":{},\"failed\":{},\"early\":{},"
            "\"open_now\":{},\"busy_now\":{},\"busy_most\":{},\"cpu_us\":{}}}\n",
            connections, handshakes, resumed, requests, granted, refused, reused, limited, failed,
            early, open_now, busy_now, busy_most, us(used.ru_utime) + us(used.ru_stime));
    }
};

struct Connection {
    int fd = -1;
    std::uint64_t id = 0;
    SSL* ssl = nullptr;
    bool handshaken = false;
    bool ending = false;  // closed once `out` is sent
    std::string in;
    std::string out;
    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() {
        SSL_free(ssl);
        ::close(fd);
    }
};

struct Later {  // a reply on its way; latency is the same for all, so they come due in order
    Time at;
    std::uint64_t connection;
    std::string reply;
};

std::string_view field(std::string_view form, std::string_view name) {
    while (!form.empty()) {
        const std::string_view pair = form.substr(0, form.find('&'));
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
            return pair.substr(name.size() + 1);
        form.remove_prefix(std::min(form.size(), pair.size() + 1));
    }
    return {};
}

// The value of a header in a request head that has ended; names differ in case.
std::string_view header(std::string_view head, std::string_view name) {
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;
         at = head.find("\r\n", at)) {
        at += 2;
        const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
        if (line.size() <= name.size() || line[name.size()] != ':') continue;
        if (!std::equal(name.begin(), name.end(), line.begin(),
                        [](char a, char b) { return a == (b | 0x20); }))
            continue;
        const std::string_view value = line.substr(name.size() + 1);
        return value.substr(std::min(value.find_first_not_of(' '), value.size()));
    }
    return {};
}

class Provider {
  public:
    explicit Provider(const Wish& wish) : wish_(wish), versions_(accounts(wish), 1) {
        make_context();
        listen();
        filler_.reserve(static_cast<std::size_t>(wish.token_bytes));
        for (std::int64_t i = 0; i < wish.token_bytes; ++i)
            filler_.push_back(static_cast<char>('A' + i % 26));
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
    // What was on its way when the first 429 was sent is no breach of it.
    static constexpr std::chrono::milliseconds in_flight_patience{250};
    static std::size_t accounts(const Wish& wish) {
        return static_cast<std::size_t>(wish.accounts);
    }

    void make_context() {
        context_ = SSL_CTX_new(TLS_server_method());
        const char* file = wish_.chain.c_str();
        if (SSL_CTX_use_certificate_chain_file(context_, file) != 1 ||
            SSL_CTX_use_PrivateKey_file(context_, file, SSL_FILETYPE_PEM) != 1)
            give_up(wish_.chain + " holds no key and certificate");
        SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
        SSL_CTX_set_mode(context_,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
        if (!wish_.close) return;
        SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context_, 0);
    }

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
            ++stats_.connections;
            ++stats_.open_now;
        }
    }

    void drop(std::uint64_t id) { stats_.open_now -= connections_.erase(id); }

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
        ++(SSL_session_reused(connection.ssl) == 1 ? stats_.resumed : stats_.handshakes);
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
        ++stats_.requests;
        ++stats_.busy_now;
        stats_.busy_most = std::max(stats_.busy_most, stats_.busy_now);
        const Time now = Clock::now();
        std::string reply = reply_to(form, now);
        later_.push_back(
            {now + std::chrono::milliseconds(wish_.latency_ms), connection.id, std::move(reply)});
    }

    std::string reply_to(std::string_view form, Time now) {
        if (now < limited_until_ || now < asked_until_) {
            if (asked_until_ > now && now > asked_at_ + in_flight_patience) ++stats_.early;
            if (now < limited_until_) {
                if (asked_until_ < now) asked_at_ = now;
                asked_until_ = std::max(asked_until_, now + retry_after_);
                ++stats_.limited;
                return text(429, R"({"error":"slow_down"})",
                            fmt::format("Retry-After: {}\r\n", retry_after_.count()));
            }
        }
        if (now < failing_until_) {
            ++stats_.failed;
            return text(503, R"({"error":"temporarily_unavailable"})");
        }
        return granted(form);
    }

    std::string granted(std::string_view form) {
        const std::string_view grant = field(form, "grant_type");
        if (grant == "client_credentials") {
            ++stats_.granted;
            return text(200, token("application", 1, {}));
        }
        constexpr std::string_view prefix = "rt_test_";
        const std::string_view refresh = field(form, "refresh_token");
        const std::size_t split = refresh.find('_', prefix.size());
        const bool shaped = grant == "refresh_token" && refresh.starts_with(prefix) &&
                            split != std::string_view::npos;
        const std::int64_t account =
            shaped ? number(refresh.substr(prefix.size(), split - prefix.size())) : -1;
        if (account < 0 || account >= wish_.accounts) {
            ++stats_.refused;
            return text(400, R"({"error":"invalid_grant"})");
        }
        std::uint32_t& version = versions_[static_cast<std::size_t>(account)];
        if (number(refresh.substr(split + 1)) != version) {
            ++stats_.refused;
            ++stats_.reused;
            return text(400, R"({"error":"invalid_grant"})");
        }
        ++stats_.granted;
        const auto name = fmt::format("{}", account);
        if (!wish_.rotate) return text(200, token(name, ++minted_, {}));
        ++version;
        return text(200, token(name, version, fmt::format("rt_test_{}_{}", account, version)));
    }

    std::string token(std::string_view account, std::uint64_t version, const std::string& next) {
        std::string access = fmt::format("at_test_{}_{}.", account, version);
        if (access.size() < filler_.size()) access += filler_.substr(access.size());
        return fmt::format(R"({{"access_token":"{}","token_type":"Bearer","expires_in":{}{}{}{}}})",
                           access, wish_.expires_in_s, next.empty() ? "" : R"(,"refresh_token":")",
                           next, next.empty() ? "" : "\"");
    }

    std::string text(int status, std::string_view body, std::string_view more = {}) const {
        return fmt::format(
            "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
            "Content-Length: {}\r\n{}{}\r\n{}",
            status, status == 200 ? "OK" : "No", body.size(), more,
            wish_.close ? "Connection: close\r\n" : "", body);
    }

    void send_due() {
        const Time now = Clock::now();
        while (!later_.empty() && later_.front().at <= now) {
            Later due = std::move(later_.front());
            later_.pop_front();
            --stats_.busy_now;
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
            limited_until_ = now + std::chrono::milliseconds(number(word()));
            retry_after_ = std::chrono::seconds(number(word()));
        } else if (order == "fail") {
            failing_until_ = now + std::chrono::milliseconds(number(word()));
        } else if (order != "stats") {
            return say(R"({"error":"no such order"})"
                       "\n");
        }
        say(stats_.json());
    }

    Wish wish_;
    std::vector<std::uint32_t> versions_;  // the newest refresh token of each account
    std::uint64_t minted_ = 1;
    std::string filler_;
    SSL_CTX* context_ = nullptr;
    int epoll_ = -1;
    int listener_ = -1;
    std::uint64_t next_id_ = 2;
    std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
    std::deque<Later> later_;
    std::string orders_;
    Stats stats_;
    Time limited_until_{};
    Time asked_at_{};  // the first reply of a 429 that still counts
    Time asked_until_{};
    Time failing_until_{};
    std::chrono::seconds retry_after_{0};
};

}  // namespace

int main(int argc, char** argv) {
    ::signal(SIGPIPE, SIG_IGN);
    Provider provider(parse(argc, argv));
    provider.run();
    return 0;
}
