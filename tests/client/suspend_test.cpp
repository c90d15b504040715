// tb_get while the machine sleeps: the clock of the deadline goes on, the kernel's timeouts don't.
#include <boost/test/unit_test.hpp>
#include <chrono>

#include "client/tokenbroker.h"
#include "tests/client/fake_daemon.hpp"

using namespace tb::test;

// What the library gets where it asks for the time: CMakeLists.txt sees to it.
extern "C" {
std::int64_t __real_tb_now_ms();
std::int64_t __wrap_tb_now_ms();
}
namespace {
std::atomic<std::int64_t> slept_ms = 0;

void get_and_sleep(const std::string& socket) {
    std::thread sleep([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        slept_ms += 3'600'000;
    });
    tb_options options = TB_OPTIONS_INIT;
    options.socket = socket.c_str();
    options.deadline_ms = 8'000;
    tb_token* token = nullptr;
    const auto from = std::chrono::steady_clock::now();
    BOOST_TEST(tb_get("shop/main", &options, &token, nullptr) == TB_E_TIMED_OUT);
    const auto took = std::chrono::steady_clock::now() - from;
    BOOST_TEST((took < std::chrono::seconds(5)));
    sleep.join();
    slept_ms = 0;  // the timers of other tests are the kernel's
}
}  // namespace

std::int64_t __wrap_tb_now_ms() {
    return __real_tb_now_ms() + slept_ms;
}

BOOST_AUTO_TEST_CASE(a_deadline_that_was_slept_through) {
    FakeDaemon daemon([](const std::string&) { return ""; });
    get_and_sleep(daemon.socket());
}

BOOST_AUTO_TEST_CASE(and_one_of_a_connection_that_is_not_taken) {
    FakeDaemon daemon([](const std::string&) { return ""; });
    daemon.stop();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, daemon.socket().c_str(), daemon.socket().size() + 1);
    const auto* at = reinterpret_cast<const sockaddr*>(&address);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int first = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BOOST_REQUIRE((listener >= 0 && first >= 0));
    BOOST_REQUIRE(::bind(listener, at, sizeof address) == 0);
    BOOST_REQUIRE(::listen(listener, 0) == 0);
    BOOST_REQUIRE(::connect(first, at, sizeof address) == 0);  // there is no room for another
    get_and_sleep(daemon.socket());
    ::close(first);
    ::close(listener);
    ::unlink(daemon.socket().c_str());
}
