// client set-secret, client list, renew, reload, explain: one admin method each.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {

Answer<> run(const Common& common, const ClientSetSecret& set_secret) {
    // Is the daemon there? Better known before somebody types.
    auto client = connect(common, Socket::admin);
    if (!client) return client.error();
    auto secret = read_secret(fmt::format("{} of {}", set_secret.name, set_secret.client));
    if (!secret) return secret.error();
    boost::json::object parameters;
    parameters["client"] = set_secret.client;
    parameters["name"] = set_secret.name;
    parameters["value"] = secret->view();
    auto reply = call(common, Socket::admin, "SetClientSecret", std::move(parameters));
    if (!reply) return reply.error();
    if (common.json) return print_json(*reply);
    return print_line(fmt::format("{}: {} is stored", set_secret.client, set_secret.name));
}

Answer<> run(const Common& common, const ClientList&) {
    auto reply = call(common, Socket::admin, "ListClients", {});
    if (!reply) return reply.error();
    if (common.json) return print_json(*reply);
    Table table({"CLIENT", "PROVIDER", "ACCOUNTS", "SECRET", "BASE URL"});
    if (const auto* clients = list(*reply, "clients"))
        for (const auto& value : *clients)
            if (const auto* client = value.if_object())
                table.add({{printable(text(*client, "client"))},
                           {printable(text(*client, "provider"))},
                           {fmt::to_string(number(*client, "accounts").value_or(0))},
                           {printable(text(*client, "secret"))},
                           {printable(text(*client, "base_url"))}});
    return print(table.take(colours_wanted()));
}

Answer<> run(const Common& common, const Renew& renew) {
    boost::json::object parameters;
    parameters["account"] = renew.account;
    parameters["timeout_ms"] = renew.timeout_ms;
    auto reply =
        call(common, Socket::admin, "RenewAccount", std::move(parameters), renew.timeout_ms);
    if (!reply) return reply.error();
    const auto* account = member(*reply, "account");
    if (account == nullptr) return failed("the daemon's answer holds no account");
    if (common.json) return print_json(*account);
    if (text(*account, "policy") == "static")
        return print_line(fmt::format("{}: probed, the token is good", renew.account));
    const auto left = number(*account, "remaining_ms");
    return print_line(fmt::format("{}: renewed, generation {}, {}", renew.account,
                                  number(*account, "generation").value_or(0),
                                  left ? format_duration(*left) + " left" : "no expiry"));
}

Answer<> run(const Common& common, const Reload&) {
    // Every account is judged by every rule, in short turns: a million under a thousand rules take
    // more than a call's usual 15 s, and nobody should go away from a configuration half taken.
    constexpr std::int64_t longest_ms = 600'000;
    auto reply = call(common, Socket::admin, "Reload", {}, longest_ms);
    if (!reply) return reply.error();
    if (common.json) return print_json(*reply);
    std::string names;
    if (const auto* changed = list(*reply, "changed_clients"))
        for (const auto& name : *changed)
            if (name.is_string())
                names += fmt::format("{}{}", names.empty() ? "" : ", ",
                                     std::string_view(name.get_string()));
    return print_line(printable(fmt::format("configuration taken: {} accounts; changed clients: {}",
                                            number(*reply, "accounts").value_or(0),
                                            names.empty() ? "none" : names)));
}

Answer<> run(const Common& common, const Explain& explain) {
    boost::json::object parameters;
    parameters["account"] = explain.account;
    parameters["uid"] = explain.uid;
    auto reply = call(common, Socket::admin, "ExplainAccess", std::move(parameters));
    if (!reply) return reply.error();
    if (common.json) return print_json(*reply);
    return print_line(printable(fmt::format("uid {} {} the tokens of {}: {}", explain.uid,
                                            flag(*reply, "allowed") ? "may have" : "may not have",
                                            explain.account, text(*reply, "because"))));
}

}  // namespace tb::cli
