// The real Clock of one thread: a timerfd on CLOCK_BOOTTIME, so a timer that came due in suspend
// fires at resume.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "base/time.hpp"

namespace tb {

std::unique_ptr<Clock> create_system_clock(boost::asio::any_io_executor executor);

}  // namespace tb
