// Everything that a run draws from its seed: one struct, printed with the seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>

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
        return low +
               static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
    }
    bool chance(double p) { return p > 0 && uniform(0.0, 1.0) < p; }

  private:
    std::mt19937_64 engine_;
};

// A build with a known bug, to show that a checker catches it: canaries.cpp says which.
enum class Canary : std::uint8_t {
    none,
    short_lived,
    crossed,
    open_door,
    promise_ignored,
    old_answer,
    early_ack,
    lying_disk,
    two_at_once,
    old_grant_back,
    harsh_reading,
    thrown_away,
    deaf,
    missed_event,
    no_uids,
    stuck,
    resends,
    hasty,
    never_ends,
    garbled,
};

struct Faults {
    // The way to a provider and back; chances are of one exchange.
    double http_5xx = 0;  // 429 and 503, half of them with Retry-After
    // HTML, truncated JSON: the answer is unreadable; or only its access token can't be used.
    double http_garbage = 0;
    double connect_fails = 0;  // before anything is sent
    double lost_before = 0;    // sent, reset, not processed
    double lost_after = 0;     // processed, the reply lost
    std::int64_t latency_ms_max = 50;
    double slow_reply = 0;  // takes up to 40 s: longer than an exchange may
    // The store.
    double commit_fails = 0;  // nothing was changed
    double commit_fails_applied =
        0;  // it reached the disk all the same: the next try must not do it twice
    std::int64_t commit_ms_max = 5;
    // The process and its host; mean times, 0: never.
    std::int64_t crash_every_s = 0;
    std::int64_t reboot_percent = 0;  // of the crashes
    std::int64_t stop_percent = 0;    // of the crashes: clean stops
    std::int64_t wall_step_every_s = 0;
    std::int64_t suspend_every_s = 0;
    std::int64_t drift_ppm = 0;       // of the host's clocks against the providers'
    std::int64_t outage_every_s = 0;  // the store, its disk or a provider is down for a while
    // People.
    std::int64_t operator_every_s =
        600;                          // pause, resume, remove, add, replace, revoke, renew, log in
    std::int64_t reload_every_s = 0;  // a client goes or comes, a rule, margins
    std::int64_t flood_every_s = 0;   // one uid opens and watches more than it may
};

struct Options {
    std::uint64_t seed = 0;
    std::int64_t hours = 2;
    int accounts_per_client = 3;
    int callers = 6;
    bool one_client_each = false;       // of each provider, instead of a dozen sections
    bool documented_lifetimes = false;  // instead of drawn ones, most of them short
    Canary canary = Canary::none;
    Faults faults;
    static Options draw(std::uint64_t seed, std::int64_t hours, Canary canary);
    // 20 accounts of each provider, those on demand read once an hour, nothing goes wrong.
    static Options speed(std::uint64_t seed, std::int64_t hours);
    std::string text() const;  // one line, for the log of a failed seed
};

}  // namespace tb::sim
