// status: every page of GetStatus as it comes, once or again and again.
#include "cli/status_view.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <thread>
#include <utility>

#include "base/system_clock.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/status_pages.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

constexpr std::string_view clear_screen = "\x1b[H\x1b[2J";

View view_now() {
    boost::asio::io_context context(1);
    const auto clock = create_system_clock(context.get_executor());
    return View{to_ms(clock->wall()), colours_wanted()};
}

const boost::json::object& daemon_of(const boost::json::object& reply) {
    static const boost::json::object none;
    const auto* daemon = member(reply, "daemon");
    return daemon != nullptr ? *daemon : none;
}

const boost::json::array& accounts_of(const boost::json::object& reply) {
    static const boost::json::array none;
    const auto* accounts = list(reply, "accounts");
    return accounts != nullptr ? *accounts : none;
}

// One object with all accounts, written as they come.
Answer<> show_json(ipc::Client& client, const Status& status) {
    bool first = true;
    return each_status_page(
        client, status.accounts, [&](const boost::json::object& reply, bool last) {
            std::string out;
            if (first)
                out +=
                    "{\"daemon\":" + boost::json::serialize(daemon_of(reply)) + ",\"accounts\":[";
            bool comma = !std::exchange(first, false);
            for (const auto& account : accounts_of(reply))
                out += (std::exchange(comma, true) ? "," : "") + boost::json::serialize(account);
            if (last) out += "]}\n";
            return print(out);
        });
}

Answer<> show_once(ipc::Client& client, const Common& common, const Status& status) {
    if (common.json) return show_json(client, status);
    StatusPages pages(view_now());
    bool clear = status.watch && output_is_terminal();
    return each_status_page(client, status.accounts,
                            [&](const boost::json::object& reply, bool last) {
                                std::string out(std::exchange(clear, false) ? clear_screen : "");
                                out += pages.page(daemon_of(reply), accounts_of(reply));
                                if (last && status.watch && !output_is_terminal()) out += "\n";
                                return print(out);
                            });
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
