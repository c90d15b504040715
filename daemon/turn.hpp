// One turn of a walk on the brain's thread: it ends after so many steps, or when its time is up,
// whichever comes first; then whoever waits has a turn, and the walk goes on behind where it was.
#pragma once

#include <cstddef>

#include "base/limits.hpp"
#include "base/time.hpp"

namespace tb::daemon {

class Turn {
  public:
    explicit Turn(const Clock& clock) : clock_(&clock), began_(clock.now()) {}
    // Is there room for one more? For the first there always is, so that each turn gets on.
    bool more() {
        const bool over = steps_ >= limits::accounts_per_turn ||
                          (steps_ > 0 && clock_->now() - began_ >= limits::turn_ms_max);
        if (!over) ++steps_;
        return !over;
    }

  private:
    const Clock* clock_;
    BootTime began_;
    std::size_t steps_ = 0;
};

}  // namespace tb::daemon
