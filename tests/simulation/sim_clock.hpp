// Virtual time. Callbacks run in order of time, ties in order of insertion, so a run is the same
// each time. Both clocks can be bent: the wall clock steps, a suspend lets time pass without a
// callback, a reboot starts the boot clock anew, and both may run a little fast or slow.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace tb::sim {

class SimClock final : public Clock {
  public:
    BootTime now() const override { return boot_from_ms(host_ms(ms_) - boot_base_ms_); }
    WallTime wall() const override {
        return wall_from_ms(wall_base_ms + host_ms(ms_) + wall_offset_ms_);
    }
    std::string boot_id() const override { return "boot-" + std::to_string(boots_); }

    TimerId call_at(BootTime at, std::function<void()> callback) override {
        const std::int64_t when = world_of(to_ms(at) + boot_base_ms_);
        std::uint32_t slot = 0;
        if (free_.empty()) {
            slot = static_cast<std::uint32_t>(slots_.size());
            slots_.emplace_back();
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        slots_[slot].callback = std::move(callback);
        const std::uint64_t order = ++next_;
        slots_[slot].order = order;
        heap_.push_back(Entry{when, order, slot});
        std::push_heap(heap_.begin(), heap_.end(), later);
        return (order << slot_bits) | slot;
    }
    void cancel(TimerId id) override {
        const auto slot = static_cast<std::uint32_t>(id & ((1U << slot_bits) - 1));
        if (id == 0 || slot >= slots_.size() || slots_[slot].order != id >> slot_bits) return;
        release(slot);  // its entry in the heap is skipped when it comes up
    }

    // The world's own time, the providers': since the start of the run, whatever happens to the
    // host's clocks.
    std::int64_t world_ms() const { return ms_; }
    TimerId call_in(Millis wait, std::function<void()> callback) {
        return call_at(now() + wait, std::move(callback));
    }
    // Runs the first timer; false if there is none.
    bool step() {
        skip_cancelled();
        if (heap_.empty()) return false;
        const Entry first = heap_.front();
        pop();
        ms_ = std::max(ms_, first.when);
        const auto callback = std::move(slots_[first.slot].callback);
        release(first.slot);
        callback();
        return true;
    }
    std::int64_t next_ms() {
        skip_cancelled();
        return heap_.empty() ? INT64_MAX : heap_.front().when;
    }
    void suspend(Millis span) {
        ms_ += span.count();
        suspended_ms_ += span.count();
    }
    std::int64_t awake_ms() const { return ms_ - suspended_ms_; }
    void step_wall(Millis by) { wall_offset_ms_ += by.count(); }
    void drift(std::int64_t ppm) { ppm_ = ppm; }  // before anything else
    std::int64_t drift_ppm() const { return ppm_; }
    // Only while no timer of the rebooted system is left.
    void reboot() {
        boot_base_ms_ = host_ms(ms_);
        ++boots_;
    }

  private:
    struct Entry {
        std::int64_t when;
        std::uint64_t order;
        std::uint32_t slot;
    };
    struct Slot {
        std::function<void()> callback;
        std::uint64_t order = 0;  // 0: free
    };
    static bool later(const Entry& a, const Entry& b) {
        return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
    void pop() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        heap_.pop_back();
    }
    void skip_cancelled() {
        while (!heap_.empty() && slots_[heap_.front().slot].order != heap_.front().order)
            pop();
    }
    void release(std::uint32_t slot) {
        slots_[slot].callback = nullptr;
        slots_[slot].order = 0;
        free_.push_back(slot);
    }
    std::int64_t host_ms(std::int64_t world) const { return world + world * ppm_ / 1'000'000; }
    // The first moment of the world at which the host's clock shows this.
    std::int64_t world_of(std::int64_t host) const {
        if (ppm_ == 0) return host;
        std::int64_t world = host - host * ppm_ / 1'000'000;
        while (host_ms(world) >= host)
            --world;
        while (host_ms(world) < host)
            ++world;
        return world;
    }

    static constexpr std::int64_t wall_base_ms = 1'800'000'000'000;
    static constexpr unsigned slot_bits = 24;
    std::int64_t ms_ = 0;
    std::int64_t suspended_ms_ = 0;
    std::int64_t boot_base_ms_ = -50'000;
    std::int64_t wall_offset_ms_ = 0;
    std::int64_t ppm_ = 0;
    int boots_ = 1;
    std::uint64_t next_ = 0;
    std::vector<Entry> heap_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
};

}  // namespace tb::sim
