// The few coroutine tools that everything uses. Rules for coroutines are in docs/ARCHITECTURE.md
// and tests/tidy: parameters by value, no lambda or aggregate temporaries inside a co_await
// expression, nothing is cancelled: what must end is closed, or its Event is notified.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace tb {

namespace asio = boost::asio;
using asio::awaitable;

// Starts a coroutine. An exception that leaves it is our bug: logged with `name`, then abort.
void spawn(const asio::any_io_executor& executor, std::string_view name, awaitable<void> coroutine);

// Coroutines started by spawn() and not yet ended, in this process. Zero before an App is
// destroyed.
int live_coroutines();

// A condition variable for coroutines of one thread. State decides, not the wake-up: re-check after
// wait().
class Event {
  public:
    explicit Event(const asio::any_io_executor&) {}
    ~Event() { notify_all(); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    awaitable<void> wait();  // until the next notify_all()
    // Each waiter resumes on its own executor, never inside this call.
    void notify_all();

  private:
    using Handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;
    struct Park;
    std::vector<Handler> waiting_;
};

// Runs `callback` at `at` unless destroyed before.
class Deadline {
  public:
    Deadline(Clock& clock, BootTime at, std::function<void()> callback);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    bool expired() const { return expired_; }

  private:
    Clock& clock_;
    bool expired_ = false;
    Clock::TimerId id_;
};

awaitable<void> sleep_until(Clock& clock, BootTime at);

}  // namespace tb
