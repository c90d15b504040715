// Readers on every core while the token changes as fast as a daemon can send: no token is ever a
// mixture of two, none is older than one seen before. And children of fork: none reads what nobody
// keeps current. TSan watches the first; it knows no threads after fork, so it skips the second.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <tokenbroker.hpp>

#include "tests/client/fake_daemon.hpp"
#include "tests/client/frames.hpp"
#include "tests/sanitizer/sanitized.hpp"
extern "C" {
#include "tests/client/hammer.h"
}

using namespace tb::test;

namespace {
// Whole, of one generation only.
bool is_whole(const tokenbroker::token_view& token) {
    const tb_token* t = token.get();
    const std::string text =
        text_of(t->generation, 900 + static_cast<std::size_t>(t->generation % 7));
    return t->account == std::string("shop/main") && t->token == text &&
           t->token_bytes == text.size() && t->header_value == "Bearer " + text &&
           t->scopes_count == 2 && t->scopes[1] == std::string("b c") && t->attributes_count == 1 &&
           t->attributes[0].value == std::string("E1");
}
std::string nth(std::int64_t generation) {
    return event("new_token", token_json(generation, 60'000, "shop/main",
                                         900 + static_cast<std::size_t>(generation % 7)));
}
}  // namespace

BOOST_AUTO_TEST_CASE(readers_on_every_core) {
    FakeDaemon daemon([](const std::string&) { return nth(1); });
    auto watch = tokenbroker::watch::open("shop/main", daemon.socket().c_str());
    BOOST_REQUIRE(watch);
    BOOST_REQUIRE(watch->wait(10'000).code == TB_OK);
    const unsigned count = std::max(2u, std::thread::hardware_concurrency());
    std::atomic<bool> done = false;
    std::atomic<long> wrong = 0, changes = 0, nothing = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i)
        threads.emplace_back([&] {
            auto reader = watch->open_reader();
            std::int64_t last = 0;
            while (!done) {
                const auto token = reader->read();
                if (!token) {
                    ++nothing;
                    continue;
                }
                if (token.generation() == last) continue;
                if (token.generation() < last || !is_whole(token)) ++wrong;
                last = token.generation();
                ++changes;
            }
        });
    for (std::int64_t generation = 2; generation < 2'000; ++generation) {
        daemon.push(nth(generation));
        if (generation % 16 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (generation % 500 == 0) daemon.push(event("paused"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    done = true;
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(wrong == 0);
    BOOST_TEST(changes > 20);
}

// The same without a daemon in between, so that tokens change while they are being copied.
BOOST_AUTO_TEST_CASE(a_copy_is_never_a_mixture) {
    const long enough = fewer(1'000, 50);  // with less it has proved nothing
    tb_watch* const watch = hammer_open();
    std::vector<std::string> texts, headers;
    for (std::int64_t kind = 0; kind < 7; ++kind) {
        texts.push_back(text_of(kind, 900 + static_cast<std::size_t>(kind)));
        headers.push_back("Bearer " + texts.back());
    }
    const std::string account = "shop/main", name = "Authorization";
    const auto text = [](const std::string& of) {
        return tb_text{const_cast<char*>(of.data()), of.size()};
    };
    std::atomic<bool> done = false;
    std::atomic<long> wrong = 0, changes = 0;
    const auto read_on = [&] {
        tb_reader* reader = nullptr;
        tb_reader_open(watch, &reader);
        for (std::int64_t last = 0; !done;) {
            const tb_token* token = tb_read(reader);
            if (token == nullptr || token->generation == last) continue;
            const auto kind = static_cast<std::size_t>(token->generation % 7);
            const bool whole = token->account == account && token->token == texts[kind] &&
                               token->header_value == headers[kind] &&
                               token->token_bytes == texts[kind].size();
            if (token->generation < last || !whole) ++wrong;
            last = token->generation;
            ++changes;
        }
        tb_reader_close(reader);
    };
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(2u, std::thread::hardware_concurrency()); ++i)
        threads.emplace_back(read_on);
    // For two seconds, and on a busy machine until enough was seen, however long that takes.
    const auto begin = std::chrono::steady_clock::now();
    const auto goes_on = [&] {
        const auto since = std::chrono::steady_clock::now() - begin;
        return since < std::chrono::seconds(2) ||
               (changes <= enough && since < std::chrono::minutes(1));
    };
    auto token = std::make_unique<tb_token_text>();
    token->account = text(account);
    token->header_name = text(name);
    while (goes_on()) {
        const auto kind = static_cast<std::size_t>(++token->generation % 7);
        token->token = text(texts[kind]);
        token->header_value = text(headers[kind]);
        hammer_publish(watch, token.get());
        if (token->generation % 100 == 0) hammer_withdraw(watch);
    }
    done = true;
    for (auto& thread : threads)
        thread.join();
    hammer_close(watch);
    BOOST_TEST(wrong == 0);
    BOOST_TEST(changes > enough);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TB_TSAN 1
#endif
#endif
#ifndef TB_TSAN

namespace {
// Runs `body` in a child; its value is the exit status.
int in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(30);
        ::_exit(body());
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + status;
}
// Closes all that it inherited but the standard streams, and opens files of its own, as a daemon
// does. Their number.
int begin_anew(const std::function<int()>& open_one) {
    const int limit = 3 + static_cast<int>(std::distance(
                              std::filesystem::directory_iterator("/proc/self/fd"), {}));
    for (int fd = 3; fd < 1'024; ++fd)
        ::close(fd);
    int last = 0;
    while (last < limit)
        last = open_one();
    return last + 1;
}
bool are_open(int limit) {
    for (int fd = 3; fd < limit; ++fd)
        if (::fcntl(fd, F_GETFD) < 0) return false;
    return true;
}
}  // namespace

BOOST_AUTO_TEST_CASE(children_of_fork) {
    FakeDaemon daemon([](const std::string&) { return nth(1); });
    tb_watch* watch = nullptr;
    tb_reader *used = nullptr, *unused = nullptr;
    BOOST_REQUIRE(tb_watch_open("shop/main", daemon.socket().c_str(), &watch, nullptr) == TB_OK);
    BOOST_REQUIRE(tb_watch_wait(watch, 10'000, nullptr) == TB_OK);
    BOOST_REQUIRE(tb_reader_open(watch, &used) == TB_OK);
    BOOST_REQUIRE(tb_reader_open(watch, &unused) == TB_OK);
    BOOST_REQUIRE(tb_read(used) != nullptr);
    // A child that does nothing about it gets no token, at once and again.
    BOOST_TEST(in_child([&] {
                   if (tb_read(used) != nullptr || tb_read(unused) != nullptr) return 1;
                   if (tb_watch_status(watch, nullptr) != TB_E_FORKED) return 2;
                   if (tb_read(used) != nullptr) return 3;
                   tb_reader_close(used);
                   tb_reader_close(unused);
                   tb_watch_close(watch);
                   return 0;
               }) == 0);
    // A child that waits has a thread of its own; its end is not the parent's.
    BOOST_TEST(in_child([&] {
                   if (tb_watch_wait(watch, 10'000, nullptr) != TB_OK) return 1;
                   const tb_token* token = tb_read(used);
                   if (token == nullptr || token->generation != 1) return 2;
                   if (tb_read(unused) == nullptr) return 3;
                   if (tb_watch_status(watch, nullptr) != TB_OK) return 4;
                   const int grandchild = in_child([&] {
                       if (tb_read(used) != nullptr) return 10;
                       return tb_watch_wait(watch, 10'000, nullptr) == TB_OK ? 0 : 11;
                   });
                   if (grandchild != 0) return grandchild;
                   tb_watch_close(watch);
                   return tb_read(used) == nullptr ? 0 : 5;
               }) == 0);
    // The parent goes on as before.
    BOOST_TEST(tb_read(used) != nullptr);
    daemon.push(nth(2));
    for (int i = 0; i < 10'000 && tb_read(used)->generation != 2; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    BOOST_TEST(tb_read(used)->generation == 2);
    tb_reader_close(used);
    tb_reader_close(unused);
    tb_watch_close(watch);
}

// Whatever kind of file it is that has got the number of one of the watch's.
BOOST_AUTO_TEST_CASE(children_that_closed_all_and_opened_their_own) {
    FakeDaemon daemon([](const std::string&) { return nth(1); });
    tb_watch* watch = nullptr;
    BOOST_REQUIRE(tb_watch_open("shop/main", daemon.socket().c_str(), &watch, nullptr) == TB_OK);
    BOOST_REQUIRE(tb_watch_wait(watch, 10'000, nullptr) == TB_OK);
    const std::vector<std::function<int()>> kinds{
        [] { return ::open("/dev/null", O_RDONLY); }, [] { return ::eventfd(0, 0); },
        [] { return ::timerfd_create(CLOCK_BOOTTIME, 0); },
        [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }};
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        BOOST_TEST(in_child([&] {
                       const int limit = begin_anew(kinds[kind]);
                       tb_watch_close(watch);
                       return are_open(limit) ? 0 : 1;
                   }) == 0,
                   kind);
        BOOST_TEST(in_child([&] {
                       const int limit = begin_anew(kinds[kind]);
                       if (tb_watch_wait(watch, 10'000, nullptr) != TB_OK) return 1;
                       if (!are_open(limit)) return 2;
                       tb_watch_close(watch);
                       return are_open(limit) ? 0 : 3;
                   }) == 0,
                   kind);
    }
    // One that closed nothing is left without the watch's two.
    BOOST_TEST(in_child([&] {
                   const auto count = [] {
                       return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                            {});
                   };
                   const auto before = count();
                   tb_watch_close(watch);
                   return before - count() == 2 ? 0 : 1;
               }) == 0);
    tb_watch_close(watch);
}

// ASan's allocator doesn't survive a fork while another thread is in it; that of libc does.
#if !defined(__SANITIZE_ADDRESS__)
// fork at any moment of the thread's and of the readers' work.
BOOST_AUTO_TEST_CASE(forks_while_the_token_changes) {
    FakeDaemon daemon([](const std::string&) { return nth(1); });
    tb_watch* watch = nullptr;
    tb_reader* reader = nullptr;
    BOOST_REQUIRE(tb_watch_open("shop/main", daemon.socket().c_str(), &watch, nullptr) == TB_OK);
    BOOST_REQUIRE(tb_reader_open(watch, &reader) == TB_OK);
    std::atomic<bool> done = false;
    std::thread changes([&] {
        for (std::int64_t generation = 2; !done; ++generation) {
            daemon.push(nth(generation));
            if (generation % 8 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    std::vector<int> ends;
    for (int i = 0; i < 50; ++i) {
        tb_read(reader);
        ends.push_back(in_child([&] {
            if (tb_read(reader) != nullptr) return 1;
            const tb_error error = tb_watch_wait(watch, 20'000, nullptr);
            if (error != TB_OK) return 100 + error;  // told by the exit status
            return tb_read(reader) != nullptr ? 0 : 3;
        }));
    }
    done = true;
    changes.join();
    BOOST_TEST(ends == std::vector<int>(50, 0), boost::test_tools::per_element());
    tb_reader_close(reader);
    tb_watch_close(watch);
}
#endif
#endif
