// spawn, Event, Deadline. An Event keeps its waiters' handlers and posts them: no timer of Asio, so
// a loop that only waits for Events (the simulation's) makes no system call.
#include "base/async.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
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

struct Event::Park {
    Event* event;
    void operator()(Handler handler) const { event->waiting_.push_back(std::move(handler)); }
};

awaitable<void> Event::wait() {
    return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(Park{this},
                                                                        asio::use_awaitable);
}

void Event::notify_all() {
    for (Handler& handler : std::exchange(waiting_, {}))
        asio::post(std::move(handler));
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
