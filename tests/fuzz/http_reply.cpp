// What comes over a connection to a provider, before it is a reply: whatever the sizes of the
// reads, the same bytes are the same reply or the same refusal, and nothing in it exceeds its
// limit. Input: how to cut, whether the end is clean, then the bytes.
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

namespace {
using namespace tb;
using net::detail::Reading;
using net::detail::ReplyReader;

struct Outcome {
    Reading reading = Reading::more;
    bool reusable = false;
    http::Reply reply;
    http::Failure failure;
};

// Piece by piece, of at most `most` bytes each.
Outcome read(std::string_view bytes, std::uint32_t cuts, bool clean) {
    ReplyReader reader(false);
    Outcome outcome;
    while (outcome.reading == Reading::more && !bytes.empty()) {
        const auto space = reader.space();
        TB_ASSERT(space.size() > 0);
        cuts = cuts * 1664525U + 1013904223U;
        const std::size_t wanted = cuts == 0 ? space.size() : 1 + (cuts >> 16U) % 700;
        const std::size_t n = std::min({wanted, space.size(), bytes.size()});
        std::memcpy(space.data(), bytes.data(), n);
        bytes.remove_prefix(n);
        outcome.reading = reader.got(n);
    }
    if (outcome.reading == Reading::more) outcome.reading = reader.ended(clean);
    TB_ASSERT(outcome.reading != Reading::more);
    if (outcome.reading == Reading::done) {
        outcome.reusable = reader.reusable();
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
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const bool clean = (data[1] & 1) != 0;
    const Outcome one = read(bytes, data[0], clean);
    const Outcome other = read(bytes, data[0] + 7919U * data[1], clean);
    TB_ASSERT(one.reading == other.reading);
    if (one.reading == Reading::done) {
        check(one.reply);
        TB_ASSERT(one.reply.status == other.reply.status &&
                  one.reply.headers == other.reply.headers);
        TB_ASSERT(equal(one.reply.body, other.reply.body));
        return 0;
    }
    TB_ASSERT(!one.failure.code.empty() && one.failure.sent);
    TB_ASSERT(one.failure.code == other.failure.code);
    return 0;
}
