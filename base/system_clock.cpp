// One timerfd for all timers of a thread, armed for the first of an ordered map. The only file that
// reads clocks.
#include "base/system_clock.hpp"

#include <sys/timerfd.h>
#include <time.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <fstream>
#include <map>
#include <unordered_map>

#include "base/check.hpp"

namespace tb {
namespace {

namespace asio = boost::asio;

std::int64_t read_ms(clockid_t id) {
    timespec t{};
    TB_ASSERT(clock_gettime(id, &t) == 0);
    return std::int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

class SystemClock final : public Clock {
  public:
    explicit SystemClock(asio::any_io_executor executor)
        : fd_(executor, timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {
        std::ifstream("/proc/sys/kernel/random/boot_id") >> boot_id_;
    }

    BootTime now() const override { return boot_from_ms(read_ms(CLOCK_BOOTTIME)); }
    WallTime wall() const override { return wall_from_ms(read_ms(CLOCK_REALTIME)); }
    std::string boot_id() const override { return boot_id_; }

    TimerId call_at(BootTime at, std::function<void()> callback) override {
        const TimerId id = next_++;
        const auto placed = timers_.emplace(std::pair{at, id}, std::move(callback)).first;
        due_.emplace(id, at);
        if (placed == timers_.begin()) arm();
        return id;
    }

    void cancel(TimerId id) override {
        const auto found = due_.find(id);
        if (found == due_.end()) return;
        timers_.erase({found->second, id});
        due_.erase(found);
        // The descriptor may fire once for nothing; re-arming here would cost a system call for
        // each cancelled timer.
    }

  private:
    void arm() {
        if (timers_.empty() || firing_) return;
        const std::int64_t ms = std::max<std::int64_t>(to_ms(timers_.begin()->first.first), 1);
        if (waiting_ && ms >= armed_ms_) return;
        armed_ms_ = ms;
        itimerspec spec{};
        spec.it_value.tv_sec = ms / 1000;
        spec.it_value.tv_nsec = (ms % 1000) * 1'000'000;
        TB_ASSERT(timerfd_settime(fd_.native_handle(), TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
        if (waiting_) return;
        waiting_ = true;
        fd_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](boost::system::error_code error) {
                           if (error) return;  // the clock is being destroyed
                           fired();
                       });
    }

    void fired() {
        std::uint64_t expirations = 0;
        (void)!::read(fd_.native_handle(), &expirations, sizeof expirations);
        waiting_ = false;
        firing_ = true;
        const BootTime reached = now();
        const TimerId newest =
            next_;  // a callback that arms a due timer again must not keep us here
        for (auto it = timers_.begin(); it != timers_.end() && it->first.first <= reached;) {
            if (it->first.second >= newest) {
                ++it;
                continue;
            }
            auto node = timers_.extract(it);
            due_.erase(node.key().second);
            node.mapped()();
            it = timers_.begin();
        }
        firing_ = false;
        arm();
    }

    asio::posix::stream_descriptor fd_;
    std::string boot_id_;
    std::map<std::pair<BootTime, TimerId>, std::function<void()>> timers_;
    std::unordered_map<TimerId, BootTime> due_;
    TimerId next_ = 1;
    std::int64_t armed_ms_ = 0;
    bool waiting_ = false;
    bool firing_ = false;
};

}  // namespace

std::unique_ptr<Clock> create_system_clock(asio::any_io_executor executor) {
    return std::make_unique<SystemClock>(std::move(executor));
}

}  // namespace tb
