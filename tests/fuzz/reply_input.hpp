// What the fuzz targets of provider replies share: an input as on the wire (a status, header lines,
// an empty line, the body) made into a Reply, a clock that stands still, and what must hold for
// every failure.
#pragma once

#include <algorithm>
#include <charconv>
#include <span>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "providers/provider.hpp"

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

inline http::Reply reply_of(std::string_view text, BootTime sent_at = boot_from_ms(900'000)) {
    http::Reply reply;
    reply.sent_at = sent_at;
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

// Fit for people: bounded, printable, and without any form of these.
inline void check_failed(const providers::Failed& failed,
                         std::initializer_list<std::string_view> secrets) {
    TB_ASSERT(!failed.code.empty() && !failed.reason.empty());
    TB_ASSERT(failed.reason.size() <= limits::error_text_bytes_max);
    TB_ASSERT(std::ranges::all_of(failed.reason, [](char c) { return c >= 0x20 && c <= 0x7E; }));
    const std::string said = failed.code + "\n" + failed.reason;
    for (const std::string_view secret : secrets)
        TB_ASSERT(said.find(secret) == std::string::npos);
    if (failed.retry_after)
        TB_ASSERT(*failed.retry_after >= Millis{0} &&
                  *failed.retry_after <= limits::retry_after_max_ms);
}

}  // namespace tb::fuzz
