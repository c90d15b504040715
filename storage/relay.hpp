// A short line between two threads at a start: one reads and opens rows, the other takes what comes
// of them, at the same time. Bounded, so that neither runs far ahead of the other in memory.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace tb::storage {

template <class T>
class Relay {
  public:
    // By the giving thread; end() once, after the last.
    void give(T value) {
        filling_.push_back(std::move(value));
        if (filling_.size() >= batch) hand_over(false);
    }
    void end() { hand_over(true); }
    // By the taking thread: `each` for all that is given, until end().
    template <class Each>
    void take_all(const Each& each) {
        for (bool more = true; more;) {
            std::vector<T> taken;
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [this] { return !waiting_.empty() || ended_; });
                more = !waiting_.empty();
                if (more) {
                    taken = std::move(waiting_.front());
                    waiting_.pop_front();
                }
            }
            changed_.notify_one();
            for (T& value : taken)
                each(std::move(value));
        }
    }

  private:
    static constexpr std::size_t batch = 128;
    static constexpr std::size_t batches_waiting = 4;

    void hand_over(bool last) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return waiting_.size() < batches_waiting; });
            if (!filling_.empty()) waiting_.push_back(std::exchange(filling_, {}));
            ended_ = last;
        }
        changed_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::vector<T>> waiting_;  // under mutex_
    bool ended_ = false;                  // under mutex_
    std::vector<T> filling_;
};

}  // namespace tb::storage
