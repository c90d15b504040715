// The thread itself: dead names hold nobody up, a stop ends what is not sent, and the destructor
// takes no time.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::net::test;

namespace {

// The nice value of the thread of this name, from field 19 of its stat.
int nice_of_thread(const std::string& name) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string line;
        std::ifstream stat(task.path() / "stat");
        std::getline(stat, line);
        if (line.find("(" + name + ")") == std::string::npos) continue;
        std::istringstream rest(line.substr(line.rfind(')') + 1));
        std::string field;
        for (int i = 3; i <= 19; ++i)
            rest >> field;
        return std::stoi(field);
    }
    return -100;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_black_holed_name_delays_nobody) {
    Harness h({.overrides = {{"hole.example", ""}}});
    const Identity identity = h.ca.issue();
    TestServer server(&identity);
    for (int i = 0; i < 5; ++i)
        h.begin(h.get("https://hole.example"));  // each would take its 20 s
    for (int i = 0; i < 5; ++i)
        h.begin(h.get(server.origin()));
    const long began = now_ms();
    h.wait_for_ended(5);
    BOOST_TEST(now_ms() - began < 15'000);
    h.destroy();
    const std::vector<http::Outcome> outcomes = h.finish();
    for (std::size_t i = 0; i < 5; ++i)
        BOOST_TEST(failure(outcomes[i]).code == "shutdown");
    for (std::size_t i = 5; i < 10; ++i)
        BOOST_TEST(reply(outcomes[i]).status == 200);
}

BOOST_AUTO_TEST_CASE(a_dead_address_costs_next_address_ms_only) {
    // 127.0.0.2 swallows SYNs once its queue is full; 127.0.0.1 serves the same port.
    Harness h({.overrides = {{"two.example", "127.0.0.2,127.0.0.1"}}});
    const Identity identity = h.ca.issue({.names = "DNS:two.example"});
    TestServer server(&identity);
    ServerOptions options;
    options.plain = true;
    options.backlog = 0;
    options.accepts = false;
    options.address = "127.0.0.2";
    options.port = server.port();
    TestServer deaf(nullptr, std::move(options));
    for (int i = 0; i < 3; ++i)  // fills the queue
        h.begin(h.get("https://127.0.0.2:" + std::to_string(deaf.port())));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    h.begin(h.get("https://two.example:" + std::to_string(server.port())));
    const long began = now_ms();
    server.wait_for_requests(1);  // the dead address would take minutes
    BOOST_TEST(now_ms() - began >= limits::next_address_ms.count());
    h.destroy();
    const std::vector<http::Outcome> outcomes = h.finish();
    BOOST_TEST(failure(outcomes.front()).code == "shutdown");
}

BOOST_AUTO_TEST_CASE(a_refused_address_costs_nothing) {
    Harness h({.overrides = {{"two.example", "127.0.0.3,127.0.0.1"}}});
    const Identity identity = h.ca.issue({.names = "DNS:two.example"});
    TestServer server(&identity);  // nobody listens on 127.0.0.3
    const std::string origin = "https://two.example:" + std::to_string(server.port());
    BOOST_TEST(reply(h.run(h.get(origin))).status == 200);
}

BOOST_AUTO_TEST_CASE(a_stop_ends_what_is_not_sent_and_lets_the_rest_finish) {
    Harness h({.overrides = {{"hole.example", ""}}});
    const Identity identity = h.ca.issue();
    std::atomic<bool> go{false};
    ServerOptions options;
    options.script = [&go](Peer& peer) {
        if (!peer.read_request()) return;
        for (int i = 0; i < 500 && !go; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        peer.send(reply_of("{}"));
    };
    TestServer server(&identity, std::move(options));
    h.begin(h.post(server.origin(), true));
    h.begin(h.get("https://hole.example"));
    server.wait_for_requests(1);
    h.stop();
    h.begin(h.get(server.origin()));  // too late
    go = true;
    const long began = now_ms();
    const std::vector<http::Outcome> outcomes = h.finish();
    BOOST_TEST(now_ms() - began < 10'000);
    BOOST_TEST(reply(outcomes[0]).status == 200);
    for (std::size_t i = 1; i < 3; ++i) {
        BOOST_TEST(failure(outcomes[i]).code == "shutdown");
        BOOST_TEST(to_string(failure(outcomes[i]).failure) == "RETRY");
        BOOST_TEST(!failure(outcomes[i]).sent);
    }
}

BOOST_AUTO_TEST_CASE(the_destructor_waits_for_nobody) {
    Harness h({.overrides = {{"hole.example", ""}}});
    const Identity identity = h.ca.issue();
    ServerOptions options;
    options.script = [](Peer& peer) {
        peer.read_request();
        peer.hold();
    };
    TestServer server(&identity, std::move(options));
    h.begin(h.post(server.origin(), true));
    h.begin(h.get("https://hole.example"));
    server.wait_for_requests(1);
    const long began = now_ms();
    h.destroy();
    BOOST_TEST(now_ms() - began < 10'000);
    const std::vector<http::Outcome> outcomes = h.finish();
    BOOST_TEST(failure(outcomes[0]).code == "shutdown");
    BOOST_TEST(to_string(failure(outcomes[0]).failure) == "AMBIG");
    BOOST_TEST(failure(outcomes[0]).sent);
    BOOST_TEST(failure(outcomes[1]).code == "shutdown");
    BOOST_TEST(!failure(outcomes[1]).sent);
}

BOOST_AUTO_TEST_CASE(the_net_thread_is_nice) {
    Harness h;
    ServerOptions options;
    options.plain = true;
    TestServer server(nullptr, std::move(options));
    BOOST_TEST(reply(h.run(h.get(server.origin()))).status == 200);  // it runs by now
    std::ifstream self("/proc/thread-self/comm");
    std::string name;
    std::getline(self, name);
    BOOST_TEST(nice_of_thread("tb-net") == std::min(19, nice_of_thread(name) + 10));
}
