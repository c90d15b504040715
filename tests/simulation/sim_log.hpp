// The daemon's log: the last lines, with the time, for a failed seed. Each line is part of the
// run's hash.
#pragma once

#include <deque>
#include <string>

#include "base/log.hpp"
#include "tests/simulation/checker.hpp"

namespace tb::sim {

class SimLog final : public Log {
  public:
    SimLog(Checker& checker, const SimClock& clock) : checker_(checker), clock_(clock) {}
    void write(Level level, std::string_view line) override {
        std::uint64_t hash = 0;
        for (const char c : line)
            hash = hash * 31 + static_cast<unsigned char>(c);
        checker_.happened(5, hash);
        lines_.push_back(fmt::format("[{:.3f} s] <{}> {}",
                                     static_cast<double>(clock_.world_ms()) / 1000.0,
                                     static_cast<int>(level), line));
        if (lines_.size() > kept_) lines_.pop_front();
    }
    void keep(std::size_t lines) { kept_ = lines; }
    const std::deque<std::string>& lines() const { return lines_; }

  private:
    Checker& checker_;
    const SimClock& clock_;
    std::size_t kept_ = 60;
    std::deque<std::string> lines_;
};

}  // namespace tb::sim
