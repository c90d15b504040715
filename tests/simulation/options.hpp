// Everything that a run draws from its seed: one struct, printed with the seed.
#pragma once

#include <cstdint>
#include <random>

#include "base/random.hpp"
#include "base/time.hpp"

namespace tb::sim {

class SimRandom final : public Random {
  public:
    explicit SimRandom(std::uint64_t seed) : engine_(seed) {}
    void fill(std::span<std::byte> bytes) override {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (i % 8 == 0) word = engine_();
            bytes[i] = static_cast<std::byte>(word >> (8 * (i % 8)));
        }
    }
    std::int64_t between(std::int64_t low, std::int64_t high) {  // both included
        return low + static_cast<std::int64_t>(u64() % static_cast<std::uint64_t>(high - low + 1));
    }
    bool chance(double p) { return uniform(0.0, 1.0) < p; }

  private:
    std::mt19937_64 engine_;
};

// A build with a known bug, to show that the checkers catch it.
enum class Canary : std::uint8_t {
    none,
    store_lies,       // the store acknowledges what a power cut then loses
    clock_runs_slow,  // lifetimes are counted from far too late: expired tokens are handed out
    two_at_once,      // the provider sees two exchanges of one grant at the same time
    deaf,   // the daemon's answers to readers get lost: nobody is answered by its deadline
    stuck,  // the provider never works again: accounts don't recover after the faults
};

struct Faults {
    double http_5xx = 0;       // 429 with Retry-After and 5xx
    double http_garbage = 0;   // HTML, truncated JSON: the answer is unreadable
    double connect_fails = 0;  // before anything is sent
    double lost_before = 0;    // sent, reset, not processed
    double lost_after = 0;     // processed, the reply lost
    std::int64_t latency_ms_max = 50;
    double slow_reply = 0;  // takes up to 40 s: longer than an exchange may
    double commit_fails = 0;
    std::int64_t commit_ms_max = 5;
    std::int64_t crash_every_s = 0;   // mean; 0: never
    std::int64_t reboot_percent = 0;  // of the crashes
    std::int64_t stop_percent = 0;    // of the crashes: clean stops
    std::int64_t wall_step_every_s = 0;
    std::int64_t suspend_every_s = 0;
    std::int64_t outage_every_s = 0;  // the store or the provider is down for a while
};

struct Options {
    std::uint64_t seed = 0;
    std::int64_t hours = 2;
    int accounts_per_client = 3;
    int callers = 6;
    Canary canary = Canary::none;
    Faults faults;
    static Options draw(std::uint64_t seed, std::int64_t hours, Canary canary);
};

}  // namespace tb::sim
