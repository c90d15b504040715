// No wake-up is lost, whatever the order: 100 streams whose ends do everything a session and a
// client may do, drawn from a seed. Every byte arrives in order, and everything ends.
#include <algorithm>
#include <random>

#include "crowd_streams.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;

namespace {
constexpr int streams = 100;
constexpr std::size_t bytes_each = 3'000;

// What a client sends: each byte says where it belongs.
std::string text_of(std::size_t from, std::size_t bytes) {
    std::string text;
    for (std::size_t i = from; i < from + bytes; ++i)
        text += static_cast<char>('a' + i % 23);
    return text;
}

struct Torture : Streams {
    // What the test does with one stream, and what it has seen of it.
    struct Course {
        std::shared_ptr<End> end;
        std::size_t sent = 0;      // by the client
        std::size_t written = 0;   // by the server
        std::size_t received = 0;  // of that by the client
        bool said_all = false;     // the client shut its sending half
        bool whole = true;         // neither side cuts it off
    };
    std::mt19937 random;
    std::vector<Course> courses{streams};
    std::size_t most_in_crowd = 0;
    int times_left = 0;

    std::size_t draw(std::size_t below) { return random() % below; }
    bool once_in(std::size_t times) { return draw(times) == 0; }

    End::Next after_read(Course& course, End& end) {
        end.buffer_bytes = 1 + draw(once_in(2) ? 20 : 2'000);
        if (once_in(400)) {  // another one's, or its own
            Course& other = courses[draw(streams)];
            other.whole = false;
            other.end->close();
        }
        if (once_in(40)) return End::Next::wait;
        if (once_in(60)) {
            answer(course, end);
            return End::Next::write;
        }
        return End::Next::read;
    }
    // Until the client's buffer is full: it takes it later.
    static void answer(Course& course, End& end) {
        for (;;) {
            const auto step = end.stream->try_send(text_of(course.written, 1'000));
            course.written += step.bytes;
            if (step.bytes == 0) return;
        }
    }
    void start(Course& course) {
        course.end = add();
        if (once_in(2)) course.end->stream->when_hung_up([&course] { course.whole = false; });
        course.end->each = [this, &course](End& end) { return after_read(course, end); };
        course.end->write = [](End&) { return End::Next::read; };
    }
    void client_does_something(Course& course) {
        if (!course.end->peer || course.said_all) return;
        const std::size_t bytes = std::min(draw(40), bytes_each - course.sent);
        if (course.end->send(text_of(course.sent, bytes))) course.sent += bytes;
        if (once_in(2'000)) {
            course.whole = false;
            course.end->peer.reset();
        } else if (once_in(20)) {
            take(course);
        } else if (once_in(500)) {
            say_the_rest(course);
        }
    }
    void take(Course& course) {
        std::string got(16'384, '\0');
        const ssize_t n = ::recv(course.end->peer.get(), got.data(), got.size(), MSG_DONTWAIT);
        if (n <= 0) return;
        got.resize(static_cast<std::size_t>(n));
        BOOST_REQUIRE(got == text_of(course.received, got.size()));
        course.received += got.size();
    }
    void step() {
        const std::size_t some = once_in(50) ? 3 : streams;  // at times nearly all are quiet
        for (std::size_t i = 0; i < some; ++i)
            client_does_something(courses[draw(streams)]);
        const std::size_t before = crowd.size();
        for (std::size_t handlers = draw(400); handlers > 0; --handlers) {
            context.restart();
            if (context.poll_one() == 0) break;
        }
        for (int i = 0; i < 3; ++i)
            courses[draw(streams)].end->wake.notify_all();
        most_in_crowd = std::max(most_in_crowd, crowd.size());
        if (crowd.size() < before) ++times_left;
    }
    void say_the_rest(Course& course) {
        if (std::exchange(course.said_all, true)) return;
        const std::string rest = text_of(course.sent, bytes_each - course.sent);
        if (!course.end->send(rest)) course.whole = false;
        ::shutdown(course.end->peer.get(), SHUT_WR);
    }
    // The clients take all and send the rest; nobody waits for anything but bytes any more.
    void finish() {
        for (Course& course : courses) {
            course.end->wake.notify_all();
            if (!course.end->peer) continue;
            take(course);
            say_the_rest(course);
        }
        pump();
    }
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(crowd_torture, Torture)

BOOST_AUTO_TEST_CASE(every_byte_arrives_in_order_and_everything_ends) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        random.seed(seed);
        ends.clear();
        courses.assign(streams, {});
        for (Course& course : courses)
            start(course);
        for (int i = 0; i < 200; ++i)
            step();
        for (int i = 0; i < 20; ++i)
            finish();
        int whole = 0;
        for (Course& course : courses) {
            BOOST_TEST_CONTEXT("seed " << seed << ", stream " << &course - courses.data()) {
                const std::string& got = course.end->got;
                BOOST_TEST(got == text_of(0, got.size()));
                BOOST_TEST(course.end->done);
                if (!course.whole) continue;
                ++whole;
                BOOST_TEST(got.size() == bytes_each);
                BOOST_TEST(course.end->ended);
            }
        }
        BOOST_TEST(whole > streams / 3);
        BOOST_TEST(crowd.size() == 0U);
    }
    BOOST_TEST(most_in_crowd > 50U);
    BOOST_TEST(times_left > 100);
}

BOOST_AUTO_TEST_SUITE_END()
