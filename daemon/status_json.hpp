// Accounts and the daemon as io.tokenbroker.admin shows them. Pure but for the clock; no secret can
// get in.
#pragma once

#include <boost/json/object.hpp>

#include "daemon/broker.hpp"

namespace tb::daemon {

boost::json::object account_status(const Account& account, const Broker& broker, Moment at);

}  // namespace tb::daemon
