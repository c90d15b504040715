// rekey, and waiting for it to end.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

constexpr auto look_every = std::chrono::milliseconds(200);

// The daemon's own state; the accounts of the page are not looked at.
Answer<boost::json::object> daemon_status(ipc::Client& client) {
    boost::json::object parameters;
    parameters["limit"] = 1;
    auto reply = call(client, Socket::admin, "GetStatus", std::move(parameters));
    if (!reply) return reply.error();
    const auto* daemon = member(*reply, "daemon");
    if (daemon == nullptr) return failed("the daemon's answer holds no status");
    return *daemon;
}

}  // namespace

Answer<> run(const Common& common, const Rekey& rekey) {
    auto client = connect(common, Socket::admin);
    if (!client) return client.error();
    auto begun = call(*client, Socket::admin, "Rekey", {});
    if (!begun) return begun.error();
    auto status = daemon_status(*client);
    std::int64_t left_ms = rekey.wait_ms;
    while (status && left_ms > 0 && !text(*status, "rekey").empty() &&
           text(*status, "rekey").find("next stop") == std::string_view::npos) {
        std::this_thread::sleep_for(look_every);
        left_ms -= look_every.count();
        status = daemon_status(*client);
    }
    if (!status) return status.error();
    const std::string_view going_on = text(*status, "rekey");
    if (common.json) {
        boost::json::object out;
        out["master_key"] = text(*status, "master_key");
        out["master_key_id"] = text(*status, "master_key_id");
        out["done"] = going_on.empty();
        if (!going_on.empty()) out["rekey"] = going_on;
        return print_json(out);
    }
    if (!going_on.empty())
        return print_line(printable(
            fmt::format("the new master key is in force; {} (see: tokenbroker status)", going_on)));
    const std::string_view path = text(*status, "master_key");
    std::string advice = "keep a copy of it in a safe place";
    if (path.ends_with("/master-key.new"))
        advice =
            "it is the credential master-key.new: make it master-key (and remove the old "
            "one), then restart tokenbrokerd when it suits";
    return print_line(printable(fmt::format("the master key was changed: {} (id {}); {}", path,
                                            text(*status, "master_key_id"), advice)));
}

}  // namespace tb::cli
