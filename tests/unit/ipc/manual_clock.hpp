// A Clock that stands still until the test moves it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/time.hpp"

namespace tb::ipc::test {

class ManualClock final : public Clock {
  public:
    BootTime now() const override { return now_; }
    WallTime wall() const override { return wall_from_ms(to_ms(now_)); }
    std::string boot_id() const override { return "test"; }
    TimerId call_at(BootTime at, std::function<void()> callback) override {
        timers_.emplace(std::pair{at, ++last_id_}, std::move(callback));
        return last_id_;
    }
    void cancel(TimerId id) override {
        std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; });
    }
    std::size_t timers() const { return timers_.size(); }
    // Moves to the next timer up to `until` and runs it; false: there is none, and it is `until`.
    bool step(BootTime until) {
        if (timers_.empty() || timers_.begin()->first.first > until) {
            now_ = until;
            return false;
        }
        auto node = timers_.extract(timers_.begin());
        if (node.key().first > now_) now_ = node.key().first;
        node.mapped()();
        return true;
    }

  private:
    BootTime now_ = boot_from_ms(1'000'000);
    std::map<std::pair<BootTime, TimerId>, std::function<void()>> timers_;
    TimerId last_id_ = 0;
};

}  // namespace tb::ipc::test
