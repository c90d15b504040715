// audit: rows as the daemon streams them, page by page, for people or one JSON object a line.
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>

#include "base/system_clock.hpp"
#include "cli/audit_view.hpp"
#include "cli/commands.hpp"
#include "cli/errors.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

std::int64_t now_ms() {
    boost::asio::io_context context(1);
    return to_ms(create_system_clock(context.get_executor())->wall());
}

Answer<> print_page(const boost::json::object& page, bool json, bool colours) {
    const auto* rows = list(page, "rows");
    if (rows == nullptr) return {};
    std::string out;
    for (const auto& value : *rows) {
        const auto* row = value.if_object();
        if (row == nullptr) continue;
        out += json ? boost::json::serialize(*row) + '\n' : audit_line(*row, colours);
    }
    return print(out);
}

}  // namespace

Answer<> run(const Common& common, const Audit& audit) {
    boost::json::object parameters;
    if (!audit.account.empty()) parameters["account"] = audit.account;
    if (audit.uid) parameters["uid"] = *audit.uid;
    if (audit.refused) parameters["refused"] = true;
    if (audit.follow) parameters["follow"] = true;
    if (audit.since.empty()) {
        parameters["newest"] = audit.newest;
    } else {
        const auto since = parse_since(audit.since, now_ms());
        if (!since)
            return failed("--since: '" + printable(audit.since) +
                              "' is neither a duration like 2h nor a time like 2026-11-22 03:00",
                          Exit::usage);
        parameters["since_ms"] = std::max<std::int64_t>(*since, 0);
    }
    auto client = connect(common, Socket::admin);
    if (!client) return client.error();
    const bool colours = colours_wanted();
    Answer<> printed;
    std::int64_t dropped = 0;
    const auto ended = client->call_more(
        qualified(Socket::admin, "ReadAudit"), std::move(parameters), [&](ipc::CallReply reply) {
            dropped = number(reply.parameters, "dropped").value_or(0);
            if (reply.error)
                printed = to_failure(*reply.error);
            else
                printed = print_page(reply.parameters, common.json, colours);
            return printed.has_value();
        });
    if (!printed) return printed;
    if (!ended) return to_failure(ended.error());
    if (dropped > 0)
        complain("since its start the daemon could not keep " + std::to_string(dropped) +
                 " event(s): the disk was full, or they came too fast");
    return {};
}

}  // namespace tb::cli
