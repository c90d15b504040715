// What must always be true, by name; who judges is checks.cpp and the parts of the world. A
// violation is recorded with the virtual time; the run then ends and prints its seed. Beside it, a
// hash of everything that happened: the same seed gives the same one.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/sim_clock.hpp"

namespace tb::sim {

enum class Rule : std::uint8_t {
    expired_token,
    foreign_token,
    access,
    promise,
    generation,
    not_durable,
    record_lost,
    two_at_once,
    spent_twice,
    grant_lost,
    grant_dropped,
    deadline,
    stale_watch,
    uid_limits,
    recovery,
    budget,
    retry_after,
    stop,
    protocol,
};
inline constexpr int rule_count = 19;
std::string_view to_string(Rule rule);

struct Counts {
    std::uint64_t renewals = 0;  // processed by the provider
    std::uint64_t handed_out = 0;
    std::uint64_t refused = 0;  // answers that were errors
    std::uint64_t crashes = 0;
    std::uint64_t stops = 0;
    std::uint64_t replays = 0;  // of a grant whose answer was lost
    std::uint64_t healed = 0;
    std::uint64_t lost = 0;  // grants lost as the provider's policy makes unavoidable
    std::uint64_t commits = 0;
    std::uint64_t failed_commits = 0;
    std::uint64_t watch_events = 0;
    std::uint64_t logins = 0;
    std::uint64_t operations = 0;  // of operators, acknowledged
    std::uint64_t reloads = 0;
    std::uint64_t floods = 0;
    std::uint64_t over_limit = 0;  // calls of a flood that were refused as too many
    std::uint64_t virtual_ms = 0;
    void add(const Counts& other);
};

class Checker {
  public:
    explicit Checker(SimClock& clock) : clock_(clock) {}
    template <class... Args>
    void violated(Rule rule, fmt::format_string<Args...> text, Args&&... args) {
        record(rule, fmt::format(text, std::forward<Args>(args)...));
    }
    bool good() const { return violations_.empty(); }
    const std::vector<std::string>& violations() const { return violations_; }
    Rule first_violated() const { return first_; }
    // Part of the run's hash.
    void happened(std::uint64_t what, std::uint64_t which) {
        hash_ = (hash_ ^ (what + static_cast<std::uint64_t>(clock_.world_ms()))) *
                0x9e3779b97f4a7c15ULL;
        hash_ = (hash_ ^ (hash_ >> 29) ^ which) * 0xbf58476d1ce4e5b9ULL;
    }
    std::uint64_t hash() const { return hash_; }
    Counts counts;

  private:
    void record(Rule rule, std::string text);

    SimClock& clock_;
    std::vector<std::string> violations_;
    Rule first_ = Rule::protocol;
    std::uint64_t hash_ = 0;
};

}  // namespace tb::sim
