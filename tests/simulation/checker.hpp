// What must always be true. A violation is recorded with the virtual time; the run then ends and
// prints its seed.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/sim_clock.hpp"

namespace tb::sim {

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
};

class Checker {
  public:
    explicit Checker(SimClock& clock) : clock_(clock) {}
    template <class... Args>
    void violated(const char* rule, fmt::format_string<Args...> text, Args&&... args) {
        violations_.push_back(fmt::format("[{:.3f} s] {}: {}",
                                          static_cast<double>(clock_.world_ms()) / 1000.0, rule,
                                          fmt::format(text, std::forward<Args>(args)...)));
    }
    bool good() const { return violations_.empty(); }
    const std::vector<std::string>& violations() const { return violations_; }
    Counts counts;

  private:
    SimClock& clock_;
    std::vector<std::string> violations_;
};

}  // namespace tb::sim
