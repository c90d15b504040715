// A load generator over a Unix socket. Each connection sends `depth` requests in one write, waits
// for all their replies, and does it again: requests a second, and the time from the write to each
// reply. It prints one line of JSON. One thread, so that it can be pinned.
//   bench_load --socket PATH [--protocol varlink|floor|resp] [--connections N] [--depth N]
//              [--accounts N] [--prefix TEXT] [--run-us N | --requests N] [--warmup-us N]
//              [--pause-us N] [--cpu N] [--uid N]
//   bench_load --socket PATH --protocol resp --fill N --value-bytes B      (keys as the accounts)
// What must stay true: every reply is looked at, and one that isn't of the account that was asked
// for is an error; what is warmed up isn't counted.
#include <errno.h>
#include <fmt/core.h>
#include <grp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "bench/histogram.hpp"
#include "bench/load_options.hpp"
#include "bench/talk.hpp"

namespace tb::bench {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;  // the replies of one batch; a reply is a few KiB
constexpr int events_max = 128;

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

std::uint64_t now_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(t.tv_nsec);
}

int connect_to(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (fd < 0 || path.size() >= sizeof address.sun_path) give_up("socket");
    path.copy(address.sun_path, path.size());
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        give_up("connect");
    return fd;
}

struct Connection {
    int fd = -1;
    std::unique_ptr<char[]> in = std::make_unique<char[]>(buffer_bytes);
    std::size_t begin = 0;  // of the first reply that isn't whole yet
    std::size_t end = 0;    // of what was read
    std::size_t looked = 0;
    std::size_t answered = 0;  // of this batch
    std::vector<std::uint32_t> asked;
    std::uint64_t sent_ns = 0;
};

class Load {
  public:
    explicit Load(const LoadOptions& options)
        : options_(options), talk_(options.protocol, options.prefix) {}

    void run() {
        for (std::int64_t i = 0; i < options_.connections; ++i) {
            Connection& connection = connections_.emplace_back();
            connection.fd = connect_to(options_.socket);
            connection.asked.resize(static_cast<std::size_t>(options_.depth));
        }
        const bool exact = options_.requests > 0;
        if (!exact && options_.warmup_us > 0) spend(options_.warmup_us);
        histogram_.clear();
        errors_ = 0;
        first_error_.clear();
        const std::uint64_t from = now_ns();
        if (exact) most_ = static_cast<std::uint64_t>(options_.requests);
        spend(exact ? 600'000'000 : options_.run_us);
        seconds_ = static_cast<double>(now_ns() - from) / 1e9;
    }

    void print() const {
        rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        const auto us = [this](double share) { return histogram_.percentile(share) / 1e3; };
        fmt::print(
            "{{\"requests\":{},\"errors\":{},\"first_error\":\"{}\",\"seconds\":{:.6f},"
            "\"per_s\":{:.1f},\"p50_us\":{:.3f},\"p99_us\":{:.3f},\"p999_us\":{:.3f},"
            "\"max_us\":{:.3f}}}\n",
            histogram_.total(), errors_, first_error_, seconds_,
            static_cast<double>(histogram_.total()) / seconds_, us(0.5), us(0.99), us(0.999),
            static_cast<double>(histogram_.most()) / 1e3);
    }

    void fill() {
        const int fd = connect_to(options_.socket);
        constexpr std::uint32_t batch = 100;
        for (std::uint32_t next = 0; next < options_.fill;) {
            std::string out;
            std::size_t expected = 0;
            for (std::uint32_t i = 0; i < batch && next < options_.fill; ++i, expected += 5)
                talk_.append_set(out, next++, static_cast<std::size_t>(options_.value_bytes));
            write_all(fd, out);
            std::string in(expected, '\0');
            for (std::size_t got = 0; got < expected;) {
                const ssize_t n = ::read(fd, in.data() + got, expected - got);
                if (n <= 0) give_up("read");
                got += static_cast<std::size_t>(n);
            }
            for (std::size_t at = 0; at < expected; at += 5)
                if (in.compare(at, 5, "+OK\r\n") != 0) give_up("SET was refused");
        }
        ::close(fd);
    }

  private:
    // Until the time is over or `most_` requests were sent; all that was asked is answered then.
    void spend(std::int64_t us) {
        until_ns_ = now_ns() + static_cast<std::uint64_t>(us) * 1000;
        sent_ = 0;
        if (connections_.size() == 1)
            one_connection(connections_.front());
        else
            many_connections();
    }

    bool more(std::uint64_t now) const { return now < until_ns_ && (most_ == 0 || sent_ < most_); }

    void one_connection(Connection& connection) {
        while (more(now_ns())) {
            ask(connection);
            while (!take(connection)) {
            }
            if (options_.pause_us > 0) pause();
        }
    }

    void pause() const {
        const std::int64_t ns = options_.pause_us * 1000;
        const timespec time{ns / 1'000'000'000, ns % 1'000'000'000};
        (void)::nanosleep(&time, nullptr);
    }

    void many_connections() {
        const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
        std::size_t waiting = 0;
        for (Connection& connection : connections_) {
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.ptr = &connection;
            if (::epoll_ctl(epoll, EPOLL_CTL_ADD, connection.fd, &event) != 0) give_up("epoll_ctl");
            ask(connection);
            ++waiting;
        }
        std::array<epoll_event, events_max> events{};
        while (waiting > 0) {
            const int ready = ::epoll_wait(epoll, events.data(), events_max, -1);
            for (int i = 0; i < ready; ++i) {
                auto& connection = *static_cast<Connection*>(events[i].data.ptr);
                if (!take(connection)) continue;
                if (more(now_ns()))
                    ask(connection);
                else
                    --waiting;
            }
        }
        ::close(epoll);
    }

    void ask(Connection& connection) {
        out_.clear();
        for (std::uint32_t& account : connection.asked) {
            account = options_.accounts == 1 ? 0 : random();
            talk_.append_request(out_, account);
        }
        connection.begin = connection.end = connection.looked = connection.answered = 0;
        sent_ += connection.asked.size();
        connection.sent_ns = now_ns();
        write_all(connection.fd, out_);
    }

    static void write_all(int fd, std::string_view rest) {
        while (!rest.empty()) {
            const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent <= 0) give_up("send");
            rest.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    // Reads once; true when the whole batch is answered.
    bool take(Connection& connection) {
        Connection& c = connection;
        if (c.begin > 0 && c.end > buffer_bytes / 2) {
            std::memmove(c.in.get(), c.in.get() + c.begin, c.end - c.begin);
            c.end -= c.begin;
            c.looked -= c.begin;
            c.begin = 0;
        }
        const ssize_t got = ::recv(c.fd, c.in.get() + c.end, buffer_bytes - c.end, 0);
        if (got <= 0) give_up(got == 0 ? "the server closed the connection" : "recv");
        c.end += static_cast<std::size_t>(got);
        const std::uint64_t took = now_ns() - c.sent_ns;
        while (c.answered < c.asked.size()) {
            const std::size_t size =
                talk_.reply_size(c.in.get() + c.begin, c.in.get() + c.end, c.looked - c.begin);
            if (size == 0) {
                c.looked = c.end;
                return false;
            }
            check(std::string_view(c.in.get() + c.begin, size), c.asked[c.answered++]);
            histogram_.record(took);
            c.begin += size;
            c.looked = c.begin;
        }
        if (c.begin != c.end) give_up("more replies than requests");
        return true;
    }

    void check(std::string_view reply, std::uint32_t account) {
        if (talk_.is_right(reply, account)) return;
        if (errors_++ > 0) return;
        for (const char c : reply.substr(0, 200))
            first_error_ += c < ' ' || c > '~' || c == '"' || c == '\\' ? '.' : c;
    }

    std::uint32_t random() {
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        return static_cast<std::uint32_t>((random_ >> 16) %
                                          static_cast<std::uint64_t>(options_.accounts));
    }

    LoadOptions options_;
    Talk talk_;
    std::vector<Connection> connections_{};
    Histogram histogram_;
    std::string out_;
    std::uint64_t random_ = 0x9e3779b97f4a7c15U;
    std::uint64_t until_ns_ = 0;
    std::uint64_t most_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t errors_ = 0;
    std::string first_error_;
    double seconds_ = 0;
};

void become(const LoadOptions& options) {
    if (options.cpu >= 0) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET(static_cast<std::size_t>(options.cpu), &cpus);
        if (::sched_setaffinity(0, sizeof cpus, &cpus) != 0) give_up("sched_setaffinity");
    }
    if (options.uid < 0) return;
    const auto id = static_cast<uid_t>(options.uid);
    if (::setgroups(0, nullptr) != 0 || ::setgid(id) != 0 || ::setuid(id) != 0) give_up("setuid");
}

}  // namespace
}  // namespace tb::bench

int main(int count, char** words) {
    using namespace tb::bench;
    const LoadOptions options = parse_load_options(count, words);
    become(options);
    Load load(options);
    if (options.fill > 0) {
        load.fill();
        return 0;
    }
    load.run();
    load.print();
    return 0;
}
