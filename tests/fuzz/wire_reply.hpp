// Replies as fuzzers write them: a status, header lines, an empty line, the body. And a world that
// stands still around an exchange.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "base/http.hpp"
#include "base/limits.hpp"
#include "base/random.hpp"
#include "base/time.hpp"

namespace tb::fuzz {

class StillClock final : public Clock {
  public:
    BootTime now() const override { return boot_from_ms(1'000'000); }
    WallTime wall() const override { return wall_from_ms(1'700'000'000'000); }
    std::string boot_id() const override { return "boot"; }
    TimerId call_at(BootTime, std::function<void()>) override { return 1; }
    void cancel(TimerId) override {}
};
class ZeroRandom final : public Random {
  public:
    void fill(std::span<std::byte> bytes) override { std::ranges::fill(bytes, std::byte{0}); }
};

inline std::string_view line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return one;
}

inline http::Reply reply_of(std::string_view text) {
    http::Reply reply;
    reply.sent_at = boot_from_ms(900'000);
    reply.received_wall = wall_from_ms(1'700'000'000'000);
    const std::string_view status = line(text);
    (void)std::from_chars(status.data(), status.data() + status.size(), reply.status);
    while (!text.empty() && reply.headers.size() < limits::reply_headers_max) {
        const std::string_view one = line(text);
        if (one.empty()) break;
        const std::size_t colon = std::min(one.find(": "), one.size());
        reply.headers.emplace_back(one.substr(0, colon),
                                   one.substr(std::min(colon + 2, one.size())));
    }
    reply.body = Secret(text);
    return reply;
}

}  // namespace tb::fuzz
