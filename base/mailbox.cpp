// See mailbox.hpp. Whoever finds the queue empty sees to it that the brain comes: another thread
// rings, the brain itself posts. While it isn't empty the brain comes back by itself: what it posts
// lies behind the look at the sockets.
//
// What must stay true: while anything is expected, either the bell is waited for or a Take is on
// its way; else neither is, so that io_context::run() can end.
#include "base/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "base/check.hpp"

namespace tb {

class Mailbox::Queue final : public asio::execution_context::service {
  public:
    using key_type = Queue;
    static inline asio::execution_context::id id;

    explicit Queue(asio::io_context& loop)
        : service(loop), loop_(loop), bell_(loop, ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

    void expect() {
        ++expected_;
        listen();
    }
    void put(std::shared_ptr<Item> item) {
        if (!push({std::move(item), true})) return;
        const std::uint64_t one = 1;  // at most one ring is unheard: there is always room
        TB_ASSERT(::write(bell_.native_handle(), &one, sizeof one) == sizeof one);
    }
    void put_here(std::shared_ptr<Item> item) {
        if (push({std::move(item), false})) take_soon();
    }

  private:
    struct Entry {
        std::shared_ptr<Item> item;
        bool expected;
    };
    struct Take {
        Queue* queue;
        void operator()() const {
            queue->taking_ = false;
            queue->take();
        }
    };
    struct Rung {
        Queue* queue;
        void operator()(boost::system::error_code error) const {
            if (!error) queue->rung();
        }
    };

    // True: the brain does not know yet that there is something.
    bool push(Entry entry) {
        const std::lock_guard lock(mutex_);
        entries_.push_back(std::move(entry));
        return !std::exchange(awake_, true);
    }
    void rung() {
        listening_ = false;
        std::uint64_t times = 0;
        (void)!::read(bell_.native_handle(), &times, sizeof times);
        take();
    }
    void take_soon() {
        taking_ = true;
        asio::post(loop_, Take{this});
    }
    void take() {
        if (run_first())
            take_soon();
        else
            listen();
    }
    void listen() {
        if (expected_ == 0 && std::exchange(listening_, false)) bell_.cancel();
        if (expected_ == 0 || listening_ || taking_) return;
        listening_ = true;
        bell_.async_wait(Bell::wait_read, Rung{this});
    }
    // True: there is more.
    bool run_first() {
        Entry entry;
        bool more = false;
        {
            const std::lock_guard lock(mutex_);
            TB_ASSERT(!entries_.empty());
            entry = std::move(entries_.front());
            entries_.pop_front();
            more = awake_ = !entries_.empty();
        }
        if (entry.expected) --expected_;
        entry.item->run();
        return more;
    }
    // The loop ends: an item may own coroutines, which own what is of the loop.
    void shutdown() override {
        std::deque<Entry> entries;
        {
            const std::lock_guard lock(mutex_);
            entries.swap(entries_);
        }
        boost::system::error_code ignored;
        bell_.close(ignored);
    }

    using Bell = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

    asio::io_context& loop_;
    Bell bell_;
    // On the brain only.
    std::size_t expected_ = 0;
    bool listening_ = false;  // a wait for the bell is armed
    bool taking_ = false;     // a Take is posted
    std::mutex mutex_;
    std::deque<Entry> entries_;  // under mutex_
    bool awake_ = false;         // under mutex_: the bell is rung, or a Take posted
};

Mailbox::Mailbox(const asio::any_io_executor& brain)
    : queue_(&asio::use_service<Queue>(
          static_cast<asio::io_context&>(asio::query(brain, asio::execution::context)))),
      brain_(brain) {}

void Mailbox::expect() {
    queue_->expect();
}

void Mailbox::put(std::shared_ptr<Item> item) {
    queue_->put(std::move(item));
}

namespace {
struct Turn final : Mailbox::Item {
    explicit Turn(const asio::any_io_executor& brain) : come(brain) {}
    void run() override { come.notify_all(); }
    Event come;
};
}  // namespace

awaitable<void> Mailbox::turn() {
    const auto turn = std::make_shared<Turn>(brain_);
    queue_->put_here(turn);
    co_await turn->come.wait();
}

}  // namespace tb
