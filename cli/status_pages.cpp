// See status_pages.hpp.
#include "cli/status_pages.hpp"

#include <boost/json/array.hpp>

#include "base/limits.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"

namespace tb::cli {

// Asking for each page after the last name of the one before; the daemon says when there are none.
Answer<> each_status_page(ipc::Client& client, const std::vector<std::string>& accounts,
                          const StatusPage& show) {
    std::string after;
    for (std::size_t page = 0; page <= limits::accounts_max; ++page) {
        boost::json::object parameters;
        if (!accounts.empty())
            parameters["accounts"] = boost::json::array(accounts.begin(), accounts.end());
        if (!after.empty()) parameters["after"] = after;
        const auto reply = call(client, Socket::admin, "GetStatus", std::move(parameters));
        if (!reply) return reply.error();
        const std::string next(text(*reply, "next"));
        const bool last = next.empty() || next == after;
        const Answer<> shown = show(*reply, last);
        if (!shown || last) return shown;
        after = next;
    }
    return {};
}

}  // namespace tb::cli
