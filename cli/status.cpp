// status: every page of GetStatus put together, once or again and again.
#include "cli/status_view.hpp"

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <thread>

#include "base/limits.hpp"
#include "base/system_clock.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

constexpr std::string_view clear_screen = "\x1b[H\x1b[2J";

// Asking for each page after the last name of the one before; the daemon says when there are none.
Answer<boost::json::object> all_pages(ipc::Client& client,
                                      const std::vector<std::string>& accounts) {
    boost::json::object whole;
    boost::json::array rows;
    std::string after;
    for (std::size_t page = 0; page <= limits::accounts_max; ++page) {
        boost::json::object parameters;
        if (!accounts.empty())
            parameters["accounts"] = boost::json::array(accounts.begin(), accounts.end());
        if (!after.empty()) parameters["after"] = after;
        auto reply = call(client, Socket::admin, "GetStatus", std::move(parameters));
        if (!reply) return reply.error();
        if (const auto* more = list(*reply, "accounts"))
            rows.insert(rows.end(), more->begin(), more->end());
        const std::string next(text(*reply, "next"));
        if (const auto* daemon = member(*reply, "daemon")) whole["daemon"] = *daemon;
        if (next.empty() || next == after) break;
        after = next;
    }
    whole["accounts"] = std::move(rows);
    return whole;
}

View view_now() {
    boost::asio::io_context context(1);
    const auto clock = create_system_clock(context.get_executor());
    return View{to_ms(clock->wall()), colours_wanted()};
}

Answer<> show_once(ipc::Client& client, const Common& common, const Status& status) {
    auto whole = all_pages(client, status.accounts);
    if (!whole) return whole.error();
    if (common.json) return print_json(*whole);
    static const boost::json::object no_daemon;
    static const boost::json::array no_accounts;
    const auto* daemon = member(*whole, "daemon");
    const auto* accounts = list(*whole, "accounts");
    std::string out = status.watch && output_is_terminal() ? std::string(clear_screen) : "";
    out += status_text(daemon != nullptr ? *daemon : no_daemon,
                       accounts != nullptr ? *accounts : no_accounts, view_now());
    if (status.watch && !output_is_terminal()) out += "\n";
    return print(out);
}

}  // namespace

Answer<> run(const Common& common, const Status& status) {
    auto client = connect(common, Socket::admin);
    if (!client) return client.error();
    Answer<> shown = show_once(*client, common, status);
    // Until the daemon goes away or nobody looks any more.
    while (shown && status.watch) {
        std::this_thread::sleep_for(std::chrono::milliseconds(status.interval_ms));
        shown = show_once(*client, common, status);
    }
    return shown;
}

Answer<> run(const Common& common, const AccountShow& show) {
    boost::json::object parameters;
    parameters["accounts"] = boost::json::array{boost::json::value(show.account)};
    auto reply = call(common, Socket::admin, "GetStatus", std::move(parameters));
    if (!reply) return reply.error();
    const auto* accounts = list(*reply, "accounts");
    const auto* account =
        accounts == nullptr || accounts->empty() ? nullptr : accounts->at(0).if_object();
    if (account == nullptr) return failed("the daemon's answer holds no account");
    if (common.json) return print_json(*account);
    return print(account_text(*account, view_now()));
}

}  // namespace tb::cli
