// What `status` and `account show` say of the daemon's AccountStatus objects. Pure: the time of day
// is handed in.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

namespace tb::cli {

struct View {
    std::int64_t now_ms = 0;  // since the Unix epoch
    bool colours = false;
};

// One line for the daemon, one for each alarm, a table of the accounts.
std::string status_text(const boost::json::object& daemon, const boost::json::array& accounts,
                        const View& view);
// One account, one fact a line.
std::string account_text(const boost::json::object& account, const View& view);

}  // namespace tb::cli
