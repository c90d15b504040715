// The frame reader against the obvious way to cut at NUL bytes, whatever the sizes of the reads and
// the limit. Input: limit, how to cut, then the stream.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "proto/frame_reader.hpp"

namespace {
struct Outcome {
    std::vector<std::string> frames;
    bool refused = false;
    bool empty = true;
};

Outcome expected(std::string_view stream, std::size_t limit) {
    Outcome outcome;
    for (;;) {
        const std::size_t nul = stream.find('\0');
        const std::size_t length = std::min(nul, stream.size());
        if (length > limit) {
            outcome.refused = true;
            return outcome;
        }
        if (nul == std::string_view::npos) {
            outcome.empty = stream.empty();
            return outcome;
        }
        outcome.frames.emplace_back(stream.substr(0, nul));
        stream.remove_prefix(nul + 1);
    }
}

Outcome actual(std::string_view stream, std::size_t limit, std::uint32_t cuts) {
    tb::proto::FrameReader reader(limit);
    Outcome outcome;
    while (!stream.empty()) {
        const auto space = reader.space();
        TB_ASSERT(!space.empty());
        cuts = cuts * 1664525U + 1013904223U;
        const std::size_t wanted = 1 + (cuts >> 16U) % ((cuts >> 30U) == 0 ? 3 : 300);
        const std::size_t n = std::min({wanted, space.size(), stream.size()});
        std::memcpy(space.data(), stream.data(), n);
        stream.remove_prefix(n);
        if (!reader.feed(n)) {
            outcome.refused = true;
            return outcome;
        }
        while (const auto frame = reader.next())
            outcome.frames.emplace_back(*frame);
    }
    outcome.empty = reader.empty();
    return outcome;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::size_t limit = data[0];
    const Outcome want = expected(stream, limit);
    const Outcome have = actual(stream, limit, data[1]);
    TB_ASSERT(have.frames == want.frames);
    TB_ASSERT(have.refused == want.refused);
    TB_ASSERT(have.refused || have.empty == want.empty);
    return 0;
}
