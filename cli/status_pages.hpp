// GetStatus in pages. How many accounts a page holds is the daemon's to decide (it ends a page
// where its turn or the frame ends), so whoever asks for several has to go on until it says so.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/answer.hpp"
#include "ipc/client.hpp"

namespace tb::cli {

using StatusPage = std::function<Answer<>(const boost::json::object& reply, bool last)>;

// Each page as it comes, of these accounts or (none named) of all; at most limits::status_page_max
// can be named. Ends early with what `show` fails with.
Answer<> each_status_page(ipc::Client& client, const std::vector<std::string>& accounts,
                          const StatusPage& show);

}  // namespace tb::cli
