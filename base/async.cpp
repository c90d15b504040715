// spawn, Event, Deadline. An Event is a timer that never expires by itself: cancelling it wakes the
// waiters.
#include "base/async.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

namespace tb {
namespace {
std::atomic<int> live{0};

[[noreturn]] void report_and_abort(const std::string& name, const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "<2>bug: coroutine %s ended by an exception: %s\n", name.c_str(),
                     e.what());
    } catch (...) {
        std::fprintf(stderr, "<2>bug: coroutine %s ended by an unknown exception\n", name.c_str());
    }
    std::abort();
}
}  // namespace

void spawn(const asio::any_io_executor& executor, std::string_view name,
           awaitable<void> coroutine) {
    live.fetch_add(1, std::memory_order_relaxed);
    auto ended = [name = std::string(name)](std::exception_ptr thrown) {
        live.fetch_sub(1, std::memory_order_relaxed);
        if (thrown) report_and_abort(name, thrown);
    };
    asio::co_spawn(executor, std::move(coroutine), std::move(ended));
}

int live_coroutines() {
    return live.load(std::memory_order_relaxed);
}

Event::Event(const asio::any_io_executor& executor)
    : timer_(executor, asio::steady_timer::time_point::max()) {}

awaitable<void> Event::wait() {
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void Event::notify_all() {
    timer_.cancel();
}

Deadline::Deadline(Clock& clock, BootTime at, std::function<void()> callback)
    : clock_(clock), id_(clock.call_at(at, [this, callback = std::move(callback)] {
          expired_ = true;
          callback();
      })) {}

Deadline::~Deadline() {
    if (!expired_) clock_.cancel(id_);
}

// A clock outlives every coroutine.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters)
awaitable<void> sleep_until(Clock& clock, BootTime at) {
    Event event(co_await asio::this_coro::executor);
    Deadline deadline(clock, at, [&event] { event.notify_all(); });
    while (!deadline.expired())
        co_await event.wait();
}

}  // namespace tb
