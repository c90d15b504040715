// A clock that moves while a turn lasts: one millisecond at each look at it, as if what is done
// between two looks were slow.
#pragma once

#include <utility>

#include "base/time.hpp"

namespace tb::test {

class CreepingClock final : public Clock {
  public:
    explicit CreepingClock(Clock& under) : under_(under) {}
    bool creeps = false;
    // What was to be at a time comes this much later.
    void stand(Millis span) { crept_ += span; }

    BootTime now() const override {
        if (creeps) crept_ += Millis{1};
        return under_.now() + crept_;
    }
    WallTime wall() const override { return under_.wall() + crept_; }
    std::string boot_id() const override { return under_.boot_id(); }
    TimerId call_at(BootTime at, std::function<void()> callback) override {
        return under_.call_at(at - crept_, std::move(callback));
    }
    void cancel(TimerId id) override { under_.cancel(id); }

  private:
    Clock& under_;
    mutable Millis crept_{0};
};

}  // namespace tb::test
