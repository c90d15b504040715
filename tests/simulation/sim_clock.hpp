// Virtual time. Callbacks run in order of time, ties in order of insertion, so a run is the same
// each time. Both clocks can be bent: the wall clock steps, a suspend lets time pass without a
// callback, a reboot starts the boot clock anew.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/time.hpp"

namespace tb::sim {

class SimClock final : public Clock {
  public:
    BootTime now() const override { return boot_from_ms(ms_ - boot_base_ms_); }
    WallTime wall() const override { return wall_from_ms(wall_base_ms + ms_ + wall_offset_ms_); }
    std::string boot_id() const override { return "boot-" + std::to_string(boots_); }

    TimerId call_at(BootTime at, std::function<void()> callback) override {
        const TimerId id = next_++;
        const std::int64_t when = to_ms(at) + boot_base_ms_;
        timers_.emplace(std::pair{when, id}, std::move(callback));
        due_.emplace(id, when);
        return id;
    }
    void cancel(TimerId id) override {
        const auto found = due_.find(id);
        if (found == due_.end()) return;
        timers_.erase({found->second, id});
        due_.erase(found);
    }

    // The world's own time: since the start of the run, whatever happens to the clocks.
    std::int64_t world_ms() const { return ms_; }
    TimerId call_in(Millis wait, std::function<void()> callback) {
        return call_at(now() + wait, std::move(callback));
    }
    // Runs the first timer; false if there is none.
    bool step() {
        if (timers_.empty()) return false;
        auto node = timers_.extract(timers_.begin());
        due_.erase(node.key().second);
        ms_ = std::max(ms_, node.key().first);
        node.mapped()();
        return true;
    }
    std::int64_t next_ms() const {
        return timers_.empty() ? INT64_MAX : timers_.begin()->first.first;
    }
    void suspend(Millis span) { ms_ += span.count(); }
    void step_wall(Millis by) { wall_offset_ms_ += by.count(); }
    // Only while no timer of the rebooted system is left.
    void reboot() {
        boot_base_ms_ = ms_;
        ++boots_;
    }

  private:
    static constexpr std::int64_t wall_base_ms = 1'800'000'000'000;
    std::int64_t ms_ = 0;
    std::int64_t boot_base_ms_ = -50'000;
    std::int64_t wall_offset_ms_ = 0;
    int boots_ = 1;
    TimerId next_ = 1;
    std::map<std::pair<std::int64_t, TimerId>, std::function<void()>> timers_;
    std::unordered_map<TimerId, std::int64_t> due_;
};

}  // namespace tb::sim
