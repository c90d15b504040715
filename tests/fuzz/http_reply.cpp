// What comes over a connection to a provider, before it is a reply: the reader that every exchange
// and every CONNECT fills from its connection. Whatever the sizes of the reads, the same bytes are
// the same reply or the same refusal, and nothing in it exceeds its limit.
// Input: how to cut, whether the end is clean and whether a body is expected, then the bytes
// (long_input.hpp).
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/async.hpp"
#include "base/check.hpp"
#include "base/limits.hpp"
#include "net/detail_reply.hpp"
#include "net/failures.hpp"
#include "tests/fuzz/long_input.hpp"

namespace {
using namespace tb;
using net::detail::Reading;
using net::detail::ReplyReader;

struct Outcome {
    Reading reading = Reading::more;
    http::Reply reply;
    http::Failure failure;
};

// In pieces as `cuts` says; 0: each as large as the reader has room for.
Outcome read(std::string_view bytes, std::uint32_t cuts, bool clean, bool header_only) {
    ReplyReader reader(header_only);
    Outcome outcome;
    while (outcome.reading == Reading::more && !bytes.empty()) {
        const auto space = reader.space();
        TB_ASSERT(space.size() > 0);
        std::size_t wanted = space.size();
        if (cuts != 0) {
            cuts = cuts * 1664525U + 1013904223U;
            wanted = 1 + (cuts >> 16U) % (100 + bytes.size() / 16);
        }
        const std::size_t n = std::min({wanted, space.size(), bytes.size()});
        std::memcpy(space.data(), bytes.data(), n);
        bytes.remove_prefix(n);
        outcome.reading = reader.got(n);
    }
    if (outcome.reading == Reading::more) outcome.reading = reader.ended(clean);
    TB_ASSERT(outcome.reading != Reading::more);
    if (outcome.reading == Reading::done) {
        TB_ASSERT(!reader.reusable() || reader.nothing_follows());
        outcome.reply = reader.take();
    } else {
        outcome.failure = reader.failure();
    }
    return outcome;
}

void check(const http::Reply& reply) {
    TB_ASSERT(reply.status >= 200 && reply.status <= 999);
    TB_ASSERT(reply.body.size() <= limits::reply_bytes_max);
    TB_ASSERT(reply.headers.size() <= limits::reply_headers_max);
    for (const auto& [name, value] : reply.headers) {
        TB_ASSERT(!name.empty());
        TB_ASSERT((name + value).find_first_of("\r\n") == std::string::npos);
    }
}

// A request was sent, so without a status that says more nobody knows what became of it.
void check(const http::Failure& failure) {
    TB_ASSERT(failure.sent && !failure.reason.empty());
    TB_ASSERT(failure.code == "bad_reply" || failure.code == "too_large" ||
              (failure.failure == FailureClass::ambiguous &&
               (failure.code == "truncated" || failure.code == "reset")));
    TB_ASSERT(failure.failure != FailureClass::reauth && failure.failure != FailureClass::config);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string bytes = fuzz::lengthen({reinterpret_cast<const char*>(data) + 2, size - 2});
    const bool clean = (data[1] & 1U) != 0;
    const bool header_only = (data[1] & 2U) != 0;
    const Outcome one = read(bytes, 0, clean, header_only);
    const Outcome other = read(bytes, 1 + data[0] * 7919U, clean, header_only);
    TB_ASSERT(one.reading == other.reading);
    if (one.reading == Reading::done) {
        check(one.reply);
        TB_ASSERT(!header_only || one.reply.body.empty());
        TB_ASSERT(one.reply.status == other.reply.status &&
                  one.reply.headers == other.reply.headers);
        TB_ASSERT(equal(one.reply.body, other.reply.body));
        return 0;
    }
    check(one.failure);
    check(other.failure);
    // What is wrong in a header without end may be seen at once or never, and beyond the limit what
    // is wrong first depends on how much was there at once: nothing else does.
    TB_ASSERT(one.failure.code == other.failure.code || one.failure.code == "truncated" ||
              other.failure.code == "truncated" || bytes.size() > limits::reply_bytes_max);
    return 0;
}
