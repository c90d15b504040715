// What bench/tls_provider answers, and what it counts: an OAuth2 token endpoint without its wire.
#pragma once

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tb::bench {

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

[[noreturn]] inline void give_up(std::string_view why) {
    fmt::print(stderr, "tls_provider: {}\n", why);
    std::exit(1);
}

inline std::int64_t number(std::string_view text) {
    std::int64_t value = -1;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() ? value : -1;
}

inline Wish parse(int argc, char** argv) {
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

inline std::string_view field(std::string_view form, std::string_view name) {
    while (!form.empty()) {
        const std::string_view pair = form.substr(0, form.find('&'));
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
            return pair.substr(name.size() + 1);
        form.remove_prefix(std::min(form.size(), pair.size() + 1));
    }
    return {};
}

// The value of a header in a request head that has ended; names differ in case.
inline std::string_view header(std::string_view head, std::string_view name) {
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

class Endpoint {
  public:
    explicit Endpoint(const Wish& wish)
        : wish_(wish), versions_(static_cast<std::size_t>(wish.accounts), 1) {
        for (std::int64_t i = 0; i < wish.token_bytes; ++i)
            filler_.push_back(static_cast<char>('A' + i % 26));
    }
    void limit(Time until, std::chrono::seconds retry_after) {
        limited_until_ = until;
        retry_after_ = retry_after;
    }
    void fail(Time until) { failing_until_ = until; }

    std::string reply_to(std::string_view form, Time now) {
        if (now < limited_until_ || now < asked_until_) {
            if (asked_until_ > now && now > asked_at_ + in_flight_patience) ++stats.early;
            if (now < limited_until_) {
                if (asked_until_ < now) asked_at_ = now;
                asked_until_ = std::max(asked_until_, now + retry_after_);
                ++stats.limited;
                return text(429, R"({"error":"slow_down"})",
                            fmt::format("Retry-After: {}\r\n", retry_after_.count()));
            }
        }
        if (now < failing_until_) {
            ++stats.failed;
            return text(503, R"({"error":"temporarily_unavailable"})");
        }
        return granted(form);
    }

    Stats stats;

  private:
    // What was on its way when the first 429 was sent is no breach of it.
    static constexpr std::chrono::milliseconds in_flight_patience{250};

    std::string granted(std::string_view form) {
        const std::string_view grant = field(form, "grant_type");
        if (grant == "client_credentials") {
            ++stats.granted;
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
            ++stats.refused;
            return text(400, R"({"error":"invalid_grant"})");
        }
        std::uint32_t& version = versions_[static_cast<std::size_t>(account)];
        if (number(refresh.substr(split + 1)) != version) {
            ++stats.refused;
            ++stats.reused;
            return text(400, R"({"error":"invalid_grant"})");
        }
        ++stats.granted;
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

    Wish wish_;
    std::vector<std::uint32_t> versions_;  // the newest refresh token of each account
    std::uint64_t minted_ = 1;
    std::string filler_;
    Time limited_until_{};
    Time asked_at_{};  // the first reply of a 429 that still counts
    Time asked_until_{};
    Time failing_until_{};
    std::chrono::seconds retry_after_{0};
};

}  // namespace tb::bench
