// A watched token over everything a daemon does: renews, restarts, pauses, removes, talks nonsense.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <tokenbroker.hpp>

#include "tests/client/fake_daemon.hpp"
#include "tests/client/frames.hpp"

using namespace tb::test;
using namespace std::chrono_literals;

namespace {
FakeDaemon::Answer always(std::string bytes) {
    return [bytes = std::move(bytes)](const std::string&) { return bytes; };
}
template <class Holds>
bool within(std::chrono::milliseconds limit, Holds holds) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
        if (holds()) return true;
        std::this_thread::sleep_for(1ms);
    }
    return holds();
}
struct Watched {
    FakeDaemon daemon;
    tokenbroker::result<tokenbroker::watch> watch;
    tokenbroker::result<tokenbroker::reader> reader;
    explicit Watched(std::string first)
        : daemon(always(std::move(first))),
          watch(tokenbroker::watch::open("shop/main", daemon.socket().c_str())),
          reader(watch->open_reader()) {}
    std::int64_t generation() {
        const auto token = reader->read();
        return token ? token.generation() : -1;
    }
    bool comes_to(std::int64_t wanted, std::chrono::milliseconds limit = 10s) {
        return within(limit, [&] { return generation() == wanted; });
    }
    bool status_becomes(tb_error wanted) {
        return within(10s, [&] { return watch->status().code == wanted; });
    }
};
}  // namespace

BOOST_AUTO_TEST_CASE(a_watched_token) {
    Watched it(event("new_token", token_json(1)));
    const auto waited = it.watch->wait(10'000);
    BOOST_REQUIRE_MESSAGE(waited.code == TB_OK, waited.reason);
    const auto token = it.reader->read();
    BOOST_REQUIRE(token);
    BOOST_TEST(token.value() == text_of(1));
    BOOST_TEST(token.header_value() == "Bearer " + text_of(1));
    BOOST_TEST(token.attribute("entity") == "E1");
    BOOST_TEST((it.reader->read().get() == token.get()));
    BOOST_TEST(it.daemon.last_call() ==
               R"({"method":"io.tokenbroker.tokens.WatchTokens","parameters":)"
               R"({"accounts":["shop/main"]},"more":true})");
    it.daemon.push(event("new_token", token_json(2, -1)));
    BOOST_TEST(it.comes_to(2));
    BOOST_TEST(it.reader->read().remaining_ms() == INT64_MAX);
    BOOST_TEST((it.watch->status().code == TB_OK));
    // Two events in one write, one event in two.
    it.daemon.push(event("new_token", token_json(3)) + event("new_token", token_json(4)));
    BOOST_TEST(it.comes_to(4));
    const std::string frame = event("new_token", token_json(5, 60'000, "shop/main", 16'384));
    it.daemon.push(frame.substr(0, 1000));
    std::this_thread::sleep_for(20ms);
    it.daemon.push(frame.substr(1000));
    BOOST_TEST(it.comes_to(5));
    BOOST_TEST(it.reader->read().value() == text_of(5, 16'384));
}

BOOST_AUTO_TEST_CASE(a_token_that_expires_is_withdrawn) {
    Watched it(event("new_token", token_json(1, 400)));
    BOOST_TEST((it.watch->wait(10'000).code == TB_OK));
    const auto until = it.reader->read().get()->until_boot_ms;
    BOOST_TEST(it.comes_to(-1));
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const auto late = now.tv_sec * 1000 + now.tv_nsec / 1'000'000 - until;
    BOOST_TEST((late >= -50 && late < 1'000), late);
    BOOST_TEST(it.status_becomes(TB_E_NOT_YET));
    BOOST_TEST((it.watch->wait(20).code == TB_E_NOT_YET));
    it.daemon.push(event("new_token", token_json(2)));
    BOOST_TEST(it.comes_to(2));
    it.daemon.push(event("new_token", token_json(3, 0)));  // never served
    std::this_thread::sleep_for(50ms);
    BOOST_TEST(it.generation() == 2);
}

// The process was stopped, or the machine slept, while it lay in the socket. It can't have lain
// there for longer than it is since the call.
BOOST_AUTO_TEST_CASE(a_token_that_lay_unread) {
    Watched it(event("new_token", token_json(1)));
    BOOST_TEST(it.comes_to(1));
    // It expired meanwhile, and the provider is away: nothing will replace it.
    it.daemon.answer_with(always(event("expiring_unrenewed")));
    std::this_thread::sleep_for(2'300ms);
    it.daemon.push(event("new_token", written_before(2'200, token_json(2, 2'100), 2'100)));
    BOOST_TEST(it.status_becomes(TB_E_PROVIDER_UNAVAILABLE));
    BOOST_TEST(it.generation() == 1);
    BOOST_TEST(it.daemon.calls() == 2);
    // There is something left of it, and no more than that.
    std::this_thread::sleep_for(2'300ms);
    it.daemon.push(event("new_token", written_before(2'200, token_json(3, 4'000), 4'000)));
    BOOST_TEST(it.comes_to(3));
    BOOST_TEST(it.reader->read().remaining_ms() <= 1'800);
    BOOST_TEST(it.comes_to(-1, 1'900ms));
}

// What the daemon says of the time left holds, and it isn't asked for ever.
BOOST_AUTO_TEST_CASE(a_stepped_wall_clock) {
    Watched it(event("new_token", written_before(3'600'000, token_json(1))));
    BOOST_TEST(it.comes_to(1));
    BOOST_TEST(it.reader->read().remaining_ms() > 30'000);
    BOOST_TEST(it.daemon.calls() == 1);
    std::this_thread::sleep_for(2'100ms);  // longer than an answer can be on its way
    const auto second = event("new_token", written_before(3'600'000, token_json(2)));
    it.daemon.answer_with(always(second));
    it.daemon.push(second);
    BOOST_TEST(it.comes_to(2));
    BOOST_TEST(it.reader->read().remaining_ms() > 30'000);
    std::this_thread::sleep_for(200ms);
    BOOST_TEST(it.daemon.calls() == 2);
    const auto back = event("new_token", written_before(-3'600'000, token_json(3)));
    it.daemon.push(back);
    BOOST_TEST(it.comes_to(3));
    BOOST_TEST(it.daemon.calls() == 2);
}

BOOST_AUTO_TEST_CASE(the_daemon_restarts) {
    Watched it(event("new_token", token_json(1)));
    BOOST_TEST(it.comes_to(1));
    for (int round = 2; round < 6; ++round) {
        if (round % 2 == 0)
            it.daemon.push(failed("io.tokenbroker.tokens.ProviderUnavailable",
                                  R"({"reason":"the daemon is stopping"})"));
        it.daemon.stop();
        BOOST_TEST(it.status_becomes(TB_E_NO_DAEMON));
        BOOST_TEST(it.generation() == round - 1);  // still good, so still served
        it.daemon.answer_with(always(event("new_token", token_json(round))));
        it.daemon.start();
        BOOST_TEST(it.comes_to(round));
    }
    it.daemon.answer_with(always(event("new_token", token_json(9))));
    it.daemon.hang_up();
    BOOST_TEST(it.comes_to(9));
}

BOOST_AUTO_TEST_CASE(no_daemon_yet) {
    Watched it("");
    it.daemon.stop();
    BOOST_TEST(it.status_becomes(TB_E_NO_DAEMON));
    BOOST_TEST((it.watch->wait(20).code == TB_E_NO_DAEMON));
    BOOST_TEST(it.generation() == -1);
    it.daemon.answer_with(always(event("new_token", token_json(1))));
    it.daemon.start();
    BOOST_TEST((it.watch->wait(10'000).code == TB_OK));
    BOOST_TEST(it.generation() == 1);
}

BOOST_AUTO_TEST_CASE(what_befalls_an_account) {
    const struct {
        std::string event;
        tb_error status;
        bool kept;
    } rows[] = {{"expiring_unrenewed", TB_E_PROVIDER_UNAVAILABLE, true},
                {"login_required", TB_E_LOGIN_REQUIRED, true},
                {"misconfigured", TB_E_MISCONFIGURED, true},
                {"paused", TB_E_ACCOUNT_PAUSED, false},
                {"removed", TB_E_UNKNOWN_ACCOUNT, false}};
    for (const auto& row : rows) {
        Watched it(event("new_token", token_json(1)));
        BOOST_TEST(it.comes_to(1));
        it.daemon.push(event(row.event));
        BOOST_TEST(it.status_becomes(row.status), row.event);
        BOOST_TEST(it.watch->status().why() == "because of " + row.event);
        BOOST_TEST(it.generation() == (row.kept ? 1 : -1), row.event);
        BOOST_TEST((it.watch->wait(10'000).code == (row.kept ? TB_OK : row.status)));
        it.daemon.answer_with(always(event("new_token", token_json(2))));
        if (row.event != "removed") it.daemon.push(event("recovered", token_json(2)));
        BOOST_TEST(it.comes_to(2), row.event);
        BOOST_TEST(it.status_becomes(TB_OK), row.event);
    }
}

BOOST_AUTO_TEST_CASE(answers_that_end_a_watch) {
    const struct {
        std::string answer;
        tb_error status;
    } rows[] = {{failed("io.tokenbroker.tokens.UnknownAccount"), TB_E_UNKNOWN_ACCOUNT},
                {failed("io.tokenbroker.tokens.TooManyRequests", R"({"retry_after_ms":1})"),
                 TB_E_TOO_MANY_REQUESTS},
                {framed("garbage"), TB_E_PROTOCOL},
                {event("new_token", token_json(1), "shop/other"), TB_E_PROTOCOL},
                {event("new_token", token_json(1, 60'000, "shop/other")), TB_E_PROTOCOL},
                {got(token_json(1)), TB_E_PROTOCOL},
                {std::string(1024 * 1024, 'a'), TB_E_PROTOCOL}};
    for (const auto& row : rows) {
        Watched it(row.answer);
        BOOST_TEST(it.status_becomes(row.status), row.answer.substr(0, 80));
        BOOST_TEST(it.generation() == -1);
        it.daemon.answer_with(always(event("new_token", token_json(2))));
        BOOST_TEST(it.comes_to(2), row.answer.substr(0, 80));
        // It was not asked again at once: 0.5 s at least between two tries.
        BOOST_TEST(it.daemon.calls() <= 3);
    }
}

BOOST_AUTO_TEST_CASE(readers_outlive_the_watch) {
    FakeDaemon daemon(always(event("new_token", token_json(1))));
    tb_watch* watch = nullptr;
    tb_reader* reader = nullptr;
    BOOST_REQUIRE(tb_watch_open("shop/main", daemon.socket().c_str(), &watch, nullptr) == TB_OK);
    BOOST_REQUIRE(tb_reader_open(watch, &reader) == TB_OK);
    BOOST_TEST(tb_watch_wait(watch, 10'000, nullptr) == TB_OK);
    BOOST_TEST(tb_read(reader) != nullptr);
    tb_watch_close(watch);
    BOOST_TEST(tb_read(reader) == nullptr);
    tb_reader_close(reader);
    tb_reader_close(nullptr);
    tb_watch_close(nullptr);
    BOOST_TEST(within(10s, [&] { return daemon.connections() == 0; }));
}

BOOST_AUTO_TEST_CASE(closing_never_waits) {
    FakeDaemon daemon(always(""));
    for (const bool there : {true, false}) {
        if (!there) daemon.stop();
        for (int i = 0; i < 50; ++i) {
            tb_watch* watch = nullptr;
            BOOST_REQUIRE(tb_watch_open("shop/main", daemon.socket().c_str(), &watch, nullptr) ==
                          TB_OK);
            const auto from = std::chrono::steady_clock::now();
            tb_watch_close(watch);
            BOOST_TEST((std::chrono::steady_clock::now() - from < 2s));
        }
    }
}

BOOST_AUTO_TEST_CASE(arguments_of_a_watch) {
    tb_watch* watch = nullptr;
    tb_reader* reader = nullptr;
    tb_failure failure{};
    const std::string long_path(108, '/');
    BOOST_TEST(tb_watch_open("", nullptr, &watch, &failure) == TB_E_INVALID_ARGUMENT);
    BOOST_TEST(failure.reason != "");
    BOOST_TEST(tb_watch_open("a/b", long_path.c_str(), &watch, nullptr) == TB_E_INVALID_ARGUMENT);
    BOOST_TEST(tb_watch_open("a/b", nullptr, nullptr, nullptr) == TB_E_INVALID_ARGUMENT);
    BOOST_TEST(watch == nullptr);
    BOOST_TEST(tb_watch_wait(nullptr, 1, nullptr) == TB_E_INVALID_ARGUMENT);
    BOOST_TEST(tb_watch_status(nullptr, nullptr) == TB_E_INVALID_ARGUMENT);
    BOOST_TEST(tb_reader_open(nullptr, &reader) == TB_E_INVALID_ARGUMENT);
    Watched it("");
    BOOST_TEST((it.watch->wait(-1).code == TB_E_INVALID_ARGUMENT));
    BOOST_TEST((it.watch->wait(300'001).code == TB_E_INVALID_ARGUMENT));
    BOOST_TEST((it.watch->wait(0).code == TB_E_NOT_YET));
}
