// The accept loop on a real listener: identity by the kernel, and what happens when the process has
// no descriptors left.
#include <sys/resource.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>

#include "base/limits.hpp"
#include "harness.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;

namespace {

// A listener under a path of its own, taken away at the end.
struct Place {
    std::string folder;
    std::string path;
    UniqueFd listener;

    Place() {
        char name[] = "/tmp/tb-accept-XXXXXX";
        BOOST_REQUIRE(::mkdtemp(name) != nullptr);
        folder = name;
        path = folder + "/socket";
        auto made = listen_unix(path, 0600);
        BOOST_REQUIRE(made.has_value());
        listener = std::move(*made);
    }
    ~Place() { std::filesystem::remove_all(folder); }

    UniqueFd dial() const {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        const auto* generic = reinterpret_cast<const sockaddr*>(&address);
        BOOST_REQUIRE(::connect(fd.get(), generic, sizeof address) == 0);
        return fd;
    }
};

struct AcceptFixture : Place, Fixture {
    AcceptFixture() : Fixture(std::move(listener)) {}
};

// No descriptor can be opened while this lives.
class NoDescriptors {
  public:
    NoDescriptors() {
        BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        rlimit none = before_;
        none.rlim_cur = 0;
        BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

  private:
    rlimit before_{};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(accepting, AcceptFixture)

BOOST_AUTO_TEST_CASE(accepts_and_identifies) {
    Peer a(dial());
    Peer b(dial());
    BOOST_TEST(ask(a, echo("a")) == echoed("a"));
    BOOST_TEST(ask(b, call("Later")) == "");
    BOOST_TEST(service.pendings.at(0)->caller().uid == ::getuid());
    BOOST_TEST(service.pendings.at(0)->caller().pid == ::getpid());
    BOOST_TEST(server->connections() == 2U);
}

BOOST_AUTO_TEST_CASE(accepts_more_than_one_turn_takes) {
    std::vector<Peer> peers;
    for (int i = 0; i < 3 * limits::accepts_per_turn_max; ++i)
        peers.emplace_back(dial());
    pump();
    BOOST_TEST(server->connections() == peers.size());
    BOOST_TEST(ask(peers.back(), echo("last")) == echoed("last"));
}

BOOST_AUTO_TEST_CASE(without_descriptors_it_pauses_and_goes_on) {
    pump();  // the loop waits for its first connection
    Peer early(dial());
    {
        const NoDescriptors none;
        pump();
        BOOST_TEST(server->connections() == 0U);
        BOOST_TEST(log.contains("accept: Too many open files"));
        BOOST_TEST(clock.timers() == 1U);  // it asks again in a while, not at once
        advance(30s);
        BOOST_TEST(log.lines().size() == 1U);
        advance(31s);
        BOOST_TEST(log.lines().size() == 2U);
        BOOST_TEST(log.contains(" such since the last line"));
    }
    advance(limits::accept_pause_ms);
    BOOST_TEST(server->connections() == 1U);
    BOOST_TEST(ask(early, echo("patience")) == echoed("patience"));
}

BOOST_AUTO_TEST_CASE(it_can_end_during_the_pause) {
    pump();
    Peer early(dial());
    const NoDescriptors none;
    pump();
    BOOST_TEST(clock.timers() == 1U);
    server.reset();
    pump();
    BOOST_TEST(live_coroutines() == 0);
    BOOST_TEST(clock.timers() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
