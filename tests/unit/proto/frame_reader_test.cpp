// Frames: cut anywhere, in order, bounded, wiped.
#define BOOST_TEST_MODULE proto
#include "proto/frame_reader.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "base/limits.hpp"

using tb::proto::FrameReader;
using namespace std::string_literals;

namespace {
struct Outcome {
    std::vector<std::string> frames;
    bool refused = false;
    bool empty = true;
};

// As a session does it: read at most `step` bytes, take all frames, again.
Outcome read_in_steps(FrameReader& reader, std::string_view stream, std::size_t step) {
    Outcome outcome;
    while (!stream.empty()) {
        const auto space = reader.space();
        BOOST_REQUIRE(!space.empty());
        const std::size_t n = std::min({step, space.size(), stream.size()});
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

BOOST_AUTO_TEST_CASE(frames_do_not_depend_on_the_cuts) {
    const std::string stream = "a\0\0bc\0"s + std::string(10'000, 'x') + "\0d\0ef"s;
    const std::vector<std::string> expected = {"a", "", "bc", std::string(10'000, 'x'), "d"};
    for (const std::size_t step : {1U, 2U, 3U, 7U, 4095U, 4096U, 4097U, 100'000U}) {
        FrameReader reader;
        const Outcome outcome = read_in_steps(reader, stream, step);
        BOOST_TEST(!outcome.refused);
        BOOST_TEST(outcome.frames == expected, boost::test_tools::per_element());
        BOOST_TEST(!outcome.empty);  // "ef" is unfinished
    }
}

BOOST_AUTO_TEST_CASE(the_largest_frame_passes_and_one_byte_more_does_not) {
    const std::size_t most = tb::limits::frame_bytes_max;
    for (const std::size_t step : {1U, 1000U, 4096U, 1'000'000U}) {
        FrameReader reader;
        const Outcome fits = read_in_steps(reader, std::string(most, 'x') + "\0y\0"s, step);
        BOOST_TEST(!fits.refused);
        BOOST_REQUIRE(fits.frames.size() == 2U);
        BOOST_TEST(fits.frames[0].size() == most);
        BOOST_TEST(fits.frames[1] == "y");
        BOOST_TEST(fits.empty);
        const Outcome larger = read_in_steps(reader, std::string(most + 1, 'x') + "\0"s, step);
        BOOST_TEST(larger.refused);
        BOOST_TEST(larger.frames.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_small_frame_before_a_large_one_changes_nothing) {
    const std::size_t most = tb::limits::frame_bytes_max;
    for (const std::size_t extra : {0U, 1U}) {
        FrameReader reader;
        const Outcome outcome =
            read_in_steps(reader, "small\0"s + std::string(most + extra, 'x') + "\0"s, 50'000);
        BOOST_TEST(outcome.refused == (extra == 1));
        BOOST_TEST(outcome.frames.size() == (extra == 1 ? 1U : 2U));
    }
}

BOOST_AUTO_TEST_CASE(frames_nobody_took_stop_the_reading_and_are_not_lost) {
    FrameReader reader;
    std::size_t fed = 0;
    for (int round = 0; round < 100; ++round) {
        const auto space = reader.space();
        if (space.empty()) break;
        for (std::size_t i = 0; i < space.size(); ++i)
            space[i] = (fed + i) % 10 == 9 ? '\0' : static_cast<char>('a' + (fed + i) % 10);
        fed += space.size();
        BOOST_TEST(reader.feed(space.size()));
    }
    BOOST_TEST(fed == tb::limits::frame_bytes_max + 1);
    BOOST_TEST(reader.space().empty());
    std::size_t frames = 0;
    while (const auto frame = reader.next()) {
        BOOST_TEST(*frame == "abcdefghi");
        ++frames;
    }
    BOOST_TEST(frames == fed / 10);
    BOOST_TEST(!reader.space().empty());
}

BOOST_AUTO_TEST_CASE(memory_starts_small_grows_and_shrinks_again) {
    FrameReader reader;
    BOOST_TEST(reader.space().size() <= 4096U);
    BOOST_TEST(reader.empty());
    const Outcome outcome = read_in_steps(reader, std::string(60'000, 'x') + "\0"s, 100'000);
    BOOST_TEST(outcome.frames.size() == 1U);
    BOOST_TEST(reader.space().size() <= 4096U);
}

BOOST_AUTO_TEST_CASE(a_frame_that_was_read_is_wiped) {
    FrameReader reader;
    const std::string text = "rt_test_frame_secret\0half"s;
    const auto space = reader.space();
    std::memcpy(space.data(), text.data(), text.size());
    BOOST_TEST(reader.feed(text.size()));
    BOOST_TEST(reader.next().has_value());
    BOOST_TEST(!reader.next().has_value());
    reader.space();  // the frame is no longer valid: "half" moves to the front
    const std::string_view memory(space.data(), text.size());
    BOOST_TEST(memory.substr(0, 4) == "half");
    BOOST_TEST(memory.substr(4) == std::string(text.size() - 4, '\0'));
}

BOOST_AUTO_TEST_CASE(another_limit_can_be_asked_for) {
    FrameReader reader(100'000);
    BOOST_TEST(!read_in_steps(reader, std::string(100'000, 'x') + "\0"s, 7'000).refused);
    BOOST_TEST(read_in_steps(reader, std::string(100'001, 'x') + "\0"s, 7'000).refused);
}
