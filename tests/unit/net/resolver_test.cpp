// The resolver with a clock and look-ups of the test's own.
#include "net/resolver.hpp"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "base/limits.hpp"

using namespace tb;
using namespace tb::net;

namespace {

class FakeClock final : public Clock {
  public:
    BootTime now() const override { return now_; }
    WallTime wall() const override { return WallTime{}; }
    std::string boot_id() const override { return "test"; }
    TimerId call_at(BootTime at, std::function<void()> callback) override {
        timers_.emplace(++last_, std::pair{at, std::move(callback)});
        return last_;
    }
    void cancel(TimerId id) override { timers_.erase(id); }
    void advance(Millis by) {
        now_ += by;
        for (auto it = timers_.begin(); it != timers_.end();) {
            if (it->second.first > now_) {
                ++it;
                continue;
            }
            auto node = timers_.extract(it);
            node.mapped().second();
            it = timers_.begin();
        }
    }

  private:
    BootTime now_ = boot_from_ms(1'000'000);
    TimerId last_ = 0;
    std::map<TimerId, std::pair<BootTime, std::function<void()>>> timers_;
};

// What the "network" says now: an address, "!" = fails, "" = never answers.
class Zone {
  public:
    void set(const std::string& answer) {
        const std::lock_guard lock(mutex_);
        answer_ = answer;
        changed_.notify_all();
    }
    int asked() const { return asked_; }
    Lookup lookup() {
        return [this](const std::string&, const std::stop_token& stop) { return ask(stop); };
    }

  private:
    LookupResult ask(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        ++asked_;
        changed_.wait(lock, stop, [this] { return !answer_.empty(); });
        if (answer_.empty() || answer_ == "!") return {{}, "no such name"};
        return {{asio::ip::make_address(answer_)}, {}};
    }
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::string answer_;
    std::atomic<int> asked_{0};
};

struct Bench {
    asio::io_context io{1};
    FakeClock clock;
    MemoryLog log;
    std::shared_ptr<Zone> zone = std::make_shared<Zone>();  // a detached worker may look at it
    std::unique_ptr<Resolver> resolver;

    bool given_up = false;
    std::set<std::string> names;

    Bench() { replace(zone->lookup()); }
    ~Bench() {
        given_up = true;  // who still waits ends here
        for (const std::string& name : names)
            resolver->wake(name);
        poll();
    }
    void replace(Lookup lookup) {
        resolver =
            std::make_unique<Resolver>(io.get_executor(), clock, log,
                                       [keep = zone, lookup = std::move(lookup)](
                                           const std::string& host, const std::stop_token& stop) {
                                           return lookup(host, stop);
                                       });
    }
    awaitable<void> one(std::string host, std::shared_ptr<std::string> out) {
        const std::function<bool()> over = [this] { return given_up; };
        const LookupResult found = co_await resolver->find(std::move(host), over);
        *out =
            found.addresses.empty() ? "error: " + found.error : found.addresses.front().to_string();
    }
    std::shared_ptr<std::string> begin(const std::string& host) {
        auto out = std::make_shared<std::string>();
        names.insert(host);
        spawn(io.get_executor(), "test", one(host, out));
        poll();
        return out;
    }
    void poll() {
        io.restart();
        io.poll();
    }
    // Until the coroutine has its answer.
    std::string wait(const std::shared_ptr<std::string>& out) {
        for (int i = 0; i < 2000 && out->empty(); ++i)
            wait_a_little();
        return *out;
    }
    void wait_a_little() {
        const auto work = asio::make_work_guard(io);
        io.restart();
        io.run_one_for(std::chrono::milliseconds(10));
    }
    std::string find(const std::string& host) { return wait(begin(host)); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(one_look_up_serves_all_who_wait) {
    Bench b;
    std::vector<std::shared_ptr<std::string>> all;
    for (int i = 0; i < 20; ++i)
        all.push_back(b.begin("a.example"));
    b.zone->set("10.0.0.1");
    for (const auto& one : all)
        BOOST_TEST(b.wait(one) == "10.0.0.1");
    BOOST_TEST(b.zone->asked() == 1);
}

BOOST_AUTO_TEST_CASE(an_address_is_no_name) {
    Bench b;
    BOOST_TEST(b.find("::1") == "::1");
    BOOST_TEST(b.zone->asked() == 0);
}

BOOST_AUTO_TEST_CASE(addresses_are_fresh_for_addresses_fresh_ms) {
    Bench b;
    b.zone->set("10.0.0.1");
    BOOST_TEST(b.find("a.example") == "10.0.0.1");
    b.zone->set("10.0.0.2");
    b.clock.advance(limits::addresses_fresh_ms - 1ms);
    BOOST_TEST(b.find("a.example") == "10.0.0.1");
    b.clock.advance(1ms);
    BOOST_TEST(b.find("a.example") == "10.0.0.2");
    BOOST_TEST(b.zone->asked() == 2);
    b.zone->set("10.0.0.3");
    b.resolver->distrust("a.example");  // nobody answered there
    BOOST_TEST(b.find("a.example") == "10.0.0.3");
}

BOOST_AUTO_TEST_CASE(a_failing_look_up_leaves_the_last_good_addresses) {
    Bench b;
    b.zone->set("!");
    BOOST_TEST(b.find("a.example") == "error: no such name");
    b.zone->set("10.0.0.1");
    BOOST_TEST(b.find("a.example") == "10.0.0.1");
    b.clock.advance(limits::addresses_fresh_ms);
    b.zone->set("!");
    BOOST_TEST(b.find("a.example") == "10.0.0.1");
    BOOST_TEST(b.log.contains("a.example: the look-up failed (no such name)"));
    BOOST_TEST(b.zone->asked() == 3);
}

BOOST_AUTO_TEST_CASE(a_slow_look_up_is_waited_for_lookup_patience_ms) {
    Bench b;
    b.zone->set("10.0.0.1");
    BOOST_TEST(b.find("a.example") == "10.0.0.1");
    b.clock.advance(limits::addresses_fresh_ms);
    b.zone->set("");
    const auto out = b.begin("a.example");
    b.clock.advance(limits::lookup_patience_ms - 1ms);
    b.poll();
    BOOST_TEST(out->empty());
    b.clock.advance(1ms);
    b.poll();
    BOOST_TEST(*out == "10.0.0.1");
    BOOST_TEST(*b.begin("a.example") == "10.0.0.1");  // the next one does not wait again
    b.zone->set("10.0.0.2");                          // the late answer is taken
    for (int i = 0; i < 1000 && b.find("a.example") != "10.0.0.2"; ++i)
        b.wait_a_little();
    BOOST_TEST(b.find("a.example") == "10.0.0.2");
    BOOST_TEST(b.zone->asked() == 2);
}

BOOST_AUTO_TEST_CASE(resolver_threads_max_dead_names_and_one_more) {
    Bench b;
    std::vector<std::pair<std::string, std::string>> overrides{{"live.example", "10.0.0.1"}};
    for (std::size_t i = 0; i < limits::resolver_threads_max; ++i)
        overrides.emplace_back("dead" + std::to_string(i), "");
    b.replace(system_lookup(overrides));
    std::vector<std::shared_ptr<std::string>> dead;
    for (std::size_t i = 0; i + 1 < limits::resolver_threads_max; ++i)
        dead.push_back(b.begin("dead" + std::to_string(i)));
    BOOST_TEST(b.find("live.example") == "10.0.0.1");  // one thread is left
    dead.push_back(b.begin("dead" + std::to_string(limits::resolver_threads_max - 1)));
    b.resolver->distrust("live.example");
    const auto stale = b.begin("live.example");  // none is left: the last good address serves
    b.clock.advance(limits::lookup_patience_ms);
    BOOST_TEST(b.wait(stale) == "10.0.0.1");
    for (const auto& one : dead)
        BOOST_TEST(one->empty());
}

BOOST_AUTO_TEST_CASE(names_remembered_max) {
    Bench b;
    b.zone->set("10.0.0.1");
    for (std::size_t i = 0; i <= limits::names_remembered_max; ++i)
        BOOST_TEST(b.find("n" + std::to_string(i)) == "10.0.0.1");
    const int asked = b.zone->asked();
    BOOST_TEST(b.find("n0") == "10.0.0.1");  // forgotten, so asked again
    BOOST_TEST(b.zone->asked() == asked + 1);
}
