// The blocking client against a scripted daemon: every way a daemon can fail gives a clear error,
// in time.
#include "ipc/client.hpp"

#include <poll.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "proto/message.hpp"
#include "tests/unit/ipc/door.hpp"
#include "tests/unit/ipc/process.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::test;
namespace json = boost::json;

namespace {
// Serves one connection on a thread of its own by a script.
class Daemon {
  public:
    explicit Daemon(std::function<void(Daemon&)> script) {
        auto made = listen_unix(path, 0600);
        BOOST_REQUIRE(made.has_value());
        listener_ = std::move(*made);
        thread_ = std::thread([this, script = std::move(script)] {
            pollfd wait{.fd = listener_.get(), .events = POLLIN, .revents = 0};
            if (::poll(&wait, 1, 10'000) != 1) return;
            peer_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            listener_.reset();
            script(*this);
            peer_.reset();
        });
    }
    ~Daemon() {
        over = true;
        thread_.join();
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    // The next call; an empty one when the client went away.
    proto::Call read() {
        for (;;) {
            if (const auto frame = reader_.next()) return proto::parse_call(*frame).value();
            const auto space = reader_.space();
            const ssize_t n = ::recv(peer_.get(), space.data(), space.size(), 0);
            if (n <= 0 || !reader_.feed(static_cast<std::size_t>(n))) return {};
        }
    }
    bool write(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    // Until the client hangs up or the test is over.
    void wait_for_the_end() {
        char byte = 0;
        while (!over && ::recv(peer_.get(), &byte, 1, MSG_DONTWAIT) != 0)
            ::usleep(5'000);
    }

    TempFolder folder;
    const std::string path = folder.file("tokens.sock");
    std::atomic<bool> over = false;

  private:
    UniqueFd listener_;
    UniqueFd peer_;
    proto::FrameReader reader_;
    std::thread thread_;
};

Client connected(const Daemon& daemon) {
    auto client = Client::connect(daemon.path);
    BOOST_REQUIRE(client.has_value());
    return std::move(*client);
}

template <class T>
void check_error(const Result<T>& result, errc code, std::string_view says) {
    BOOST_REQUIRE(result.has_error());
    BOOST_TEST((result.error().code == code), to_string(result.error().code));
    BOOST_TEST(result.error().message.find(says) != std::string::npos, result.error().message);
}
}  // namespace

BOOST_AUTO_TEST_CASE(without_a_daemon_the_error_says_so) {
    TempFolder folder;
    const std::string path = folder.file("tokens.sock");
    check_error(Client::connect(path), errc::io, path + ": no such file: is tokenbrokerd running?");
    listen_unix(path, 0600).value().reset();  // left behind by a daemon that died
    check_error(Client::connect(path), errc::io, path + ": nobody listens there");
    check_error(Client::connect(folder.file(std::string(200, 'x'))), errc::io, "1 to 107 bytes");
    check_error(Client::connect(""), errc::io, "1 to 107 bytes");
}

BOOST_AUTO_TEST_CASE(a_socket_that_keeps_us_out_is_no_dead_daemon) {
    if (skipped(is_root(), "root")) return;
    TempFolder folder;
    const std::string path = folder.file("admin.sock");
    const auto listener = listen_unix(path, 0600);
    BOOST_REQUIRE(::chmod(folder.file("").c_str(), 0755) == 0);
    Child child([&](Child&) {
        if (::setuid(4711) != 0) return 1;
        const auto client = Client::connect(path);
        if (!client.has_error()) return 2;
        return client.error().code == errc::permission_denied ? 0 : 3;
    });
    BOOST_TEST(child.reap() == 0);
}

BOOST_AUTO_TEST_CASE(calls_are_answered_one_after_the_other) {
    Daemon daemon([](Daemon& self) {
        for (int i = 0; i < 3; ++i) {
            const proto::Call call = self.read();
            json::object reply = {{"method", call.method}, {"got", call.parameters}};
            if (i == 1)
                self.write(proto::make_error("a.b.Bad", reply));
            else
                self.write(proto::make_reply(reply));
        }
    });
    Client client = connected(daemon);
    const auto first = client.call("a.b.One", {{"x", 1}}, 10'000);
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST(!first->error.has_value());
    BOOST_TEST(json::serialize(first->parameters) == R"({"method":"a.b.One","got":{"x":1}})");
    const auto second = client.call("a.b.Two", {}, 0);
    BOOST_REQUIRE(second.has_value());
    BOOST_REQUIRE(second->error.has_value());
    BOOST_TEST(second->error->name == "a.b.Bad");
    BOOST_TEST(json::serialize(second->error->parameters) == R"({"method":"a.b.Two","got":{}})");
    BOOST_TEST(second->parameters.empty());
    BOOST_TEST(client.call("a.b.Three", {}, 10'000).has_value());  // an error reply ends nothing
}

BOOST_AUTO_TEST_CASE(a_daemon_that_stops_is_an_error_and_the_connection_is_over) {
    Daemon daemon([](Daemon& self) {
        self.read();
        self.write("{\"parameters\":{");  // half an answer
    });
    Client client = connected(daemon);
    check_error(client.call("a.b.C", {}, 10'000), errc::closed, "did it stop?");
    check_error(client.call("a.b.C", {}, 10'000), errc::closed, "closed before");
    const auto each = [](CallReply) { return true; };
    check_error(client.call_more("a.b.C", {}, each), errc::closed, "closed before");
}

BOOST_AUTO_TEST_CASE(a_silent_daemon_times_out) {
    Daemon daemon([](Daemon& self) { self.wait_for_the_end(); });
    Client client = connected(daemon);
    check_error(client.call("a.b.C", {}, 50), errc::timed_out, daemon.path + ": a.b.C: no answer");
    check_error(client.call("a.b.C", {}, 50), errc::closed, "closed before");
}

BOOST_AUTO_TEST_CASE(an_answer_that_trickles_in_does_not_extend_the_deadline) {
    Daemon daemon([](Daemon& self) {
        self.read();
        self.write("{\"parameters\":{");
        while (!self.over && self.write(" ")) {
        }  // for ever, as fast as it goes
    });
    Client client = connected(daemon);
    check_error(client.call("a.b.C", {}, 100), errc::timed_out, "no answer");
}

BOOST_AUTO_TEST_CASE(nor_does_a_daemon_that_does_not_read) {
    Daemon daemon([](Daemon& self) {
        while (!self.over)
            ::usleep(5'000);
    });
    Client client = connected(daemon);
    check_error(client.call("a.b.C", {{"x", std::string(4'000'000, 'x')}}, 100), errc::timed_out,
                "no answer");
}

BOOST_AUTO_TEST_CASE(nonsense_is_a_protocol_error) {
    const std::pair<std::string, const char*> rows[] = {
        {std::string("nonsense\0", 9), "not valid JSON"},
        {std::string("\0", 1), "empty"},
        {std::string("{\"method\":\"a.B\"}\0", 17), "unknown key"},
        {proto::make_reply({}, true), "more than one answer"},
    };
    for (const auto& row : rows) {
        Daemon daemon([&row](Daemon& self) {
            self.read();
            self.write(row.first);
            self.wait_for_the_end();
        });
        Client client = connected(daemon);
        check_error(client.call("a.b.C", {}, 10'000), errc::protocol, row.second);
        check_error(client.call("a.b.C", {}, 10'000), errc::closed, "closed before");
    }
}

BOOST_AUTO_TEST_CASE(a_large_answer_is_taken_and_an_endless_one_is_not) {
    Daemon daemon([](Daemon& self) {
        self.read();
        self.write(proto::make_reply({{"x", std::string(3'000'000, 'y')}}));
        self.read();
        const std::string block(1024 * 1024, ' ');
        while (!self.over && self.write(block)) {
        }
    });
    Client client = connected(daemon);
    const auto large = client.call("a.b.C", {}, 20'000);
    BOOST_REQUIRE(large.has_value());
    BOOST_TEST(large->parameters.at("x").as_string().size() == 3'000'000U);
    check_error(client.call("a.b.C", {}, 20'000), errc::protocol, "larger than any");
}

BOOST_AUTO_TEST_CASE(more_answers_come_one_by_one) {
    Daemon daemon([](Daemon& self) {
        const proto::Call call = self.read();
        std::string frames;  // all in one write
        for (int i = 0; i < 5; ++i)
            frames += proto::make_reply({{"i", i}, {"more", call.more}}, i < 4);
        self.write(frames);
        self.read();
        self.write(proto::make_reply({{"i", 0}}, true));
        self.write(proto::make_error("a.b.Gone", {}));
    });
    Client client = connected(daemon);
    std::string seen;
    auto done = client.call_more("a.b.C", {}, [&](CallReply reply) {
        seen += json::serialize(reply.parameters) + (reply.continues ? "+" : "");
        return true;
    });
    BOOST_TEST(done.has_value());
    BOOST_TEST(seen ==
               R"({"i":0,"more":true}+{"i":1,"more":true}+{"i":2,"more":true}+{"i":3,"more":true}+)"
               R"({"i":4,"more":true})");
    std::vector<std::string> errors;
    done = client.call_more("a.b.C", {}, [&](CallReply reply) {
        errors.push_back(reply.error ? reply.error->name : "none");
        return true;
    });
    BOOST_TEST(done.has_value());
    BOOST_TEST(errors == (std::vector<std::string>{"none", "a.b.Gone"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_watcher_can_stop_and_notices_the_end) {
    {
        Daemon daemon([](Daemon& self) {
            self.read();
            while (!self.over && self.write(proto::make_reply({}, true)))
                ::usleep(1'000);
        });
        Client client = connected(daemon);
        int count = 0;
        BOOST_TEST(
            client.call_more("a.b.C", {}, [&](CallReply) { return ++count < 3; }).has_value());
        BOOST_TEST(count == 3);
        check_error(client.call("a.b.C", {}, 1'000), errc::closed, "closed before");
    }
    Daemon daemon([](Daemon& self) {
        self.read();
        self.write(proto::make_reply({}, true));
    });
    Client client = connected(daemon);
    const auto each = [](CallReply) { return true; };
    check_error(client.call_more("a.b.C", {}, each), errc::closed, "did it stop?");
}
