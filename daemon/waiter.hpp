// A reader that waits for a renewal: answered exactly once, by its own deadline at the latest.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "base/time.hpp"

namespace tb::daemon {

struct Slot;

class Waiter {
  public:
    // Success: the slot to hand out from, right now.
    using Done = std::function<void(Result<const Slot*>)>;

    std::optional<Millis> min_remaining;
    std::uint64_t rejected_generation = 0;  // this caller must not be given it (0: any)
    bool first_outcome = false;  // an operator's: the next outcome answers it, good or bad
    BootTime deadline{};
    Clock::TimerId timer = 0;
    Done done;  // empty once answered

    void answer(Clock& clock, Result<const Slot*> result) {
        if (!done) return;
        clock.cancel(timer);
        Done call = std::move(done);
        done = nullptr;
        call(result);
    }
};

}  // namespace tb::daemon
