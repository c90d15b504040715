// account add, remove, list, pause, resume. add is the one place where a grant passes through the
// command: from standard input or a file, to the admin socket, and nowhere else.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <utility>

#include "cli/commands.hpp"
#include "cli/errors.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

// Asked before anybody types a secret for a client that isn't there. Empty: the account needs no
// secret of its own.
Answer<std::string> default_field(ipc::Client& client, std::string_view account) {
    auto reply = call(client, Socket::admin, "ListClients", {});
    if (!reply) return reply.error();
    const std::string_view wanted = account.substr(0, account.find('/'));
    std::string known;
    if (const auto* clients = list(*reply, "clients")) {
        for (const auto& value : *clients) {
            const auto* each = value.if_object();
            if (each == nullptr) continue;
            if (text(*each, "client") == wanted) {
                const auto* fields = list(*each, "fields");
                if (fields == nullptr || fields->empty()) return std::string();
                return std::string(fields->front().is_string() ? fields->front().get_string() : "");
            }
            known += fmt::format("{}{}", known.empty() ? "" : ", ", text(*each, "client"));
        }
    }
    return failed(fmt::format("{}: no client '{}' in the configuration; there are: {}", account,
                              wanted, known.empty() ? "none" : known),
                  Exit::no_account);
}

Answer<boost::json::object> gather_secrets(ipc::Client& client, const AccountAdd& add) {
    boost::json::object secrets;
    for (const auto& [name, file] : add.secret_files) {
        auto secret = read_secret_file(file);
        if (!secret) return secret.error();
        secrets[name] = secret->view();
    }
    if (!add.secret_files.empty() && add.field.empty()) return secrets;
    std::string field = add.field;
    if (field.empty()) {
        auto found = default_field(client, add.account);
        if (!found) return found.error();
        field = *found;
        if (field.empty()) return secrets;
    }
    auto secret = read_secret(fmt::format("{} of {}", field, add.account));
    if (!secret) return secret.error();
    secrets[field] = secret->view();
    return secrets;
}

// The account is kept in any case; the exit code says whether its tokens can be had now.
Answer<> outcome_of_add(const AccountAdd& add, const boost::json::object& reply) {
    const auto* account = member(reply, "account");
    if (flag(reply, "proved") || add.wait_ms == 0 || account == nullptr) return {};
    const std::string_view state = text(*account, "state");
    if (state == "idle") return {};  // minted on demand: nothing to prove it with
    Exit code = Exit::provider_unavailable;
    if (state == "login_required") code = Exit::login_required;
    if (state == "misconfigured") code = Exit::failed;
    std::string_view why = text(*account, "reason");
    if (why.empty()) why = text(*account, "last_failure");
    if (why.empty()) why = "no answer from the provider yet";
    return failed(printable(fmt::format(
                      "{0}: added, but no token could be got yet: {1}; see: tokenbroker status {0}",
                      add.account, why)),
                  code);
}

// A method that takes the account's name and answers nothing of interest.
Answer<> simple(const Common& common, std::string_view method, const std::string& account,
                std::string_view done, boost::json::object parameters = {}) {
    parameters["account"] = account;
    auto reply = call(common, Socket::admin, method, std::move(parameters));
    if (!reply) return reply.error();
    if (common.json) return print_json(*reply);
    return print_line(fmt::format("{}: {}", account, done));
}

}  // namespace

Answer<> run(const Common& common, const AccountAdd& add) {
    auto client = connect(common, Socket::admin);
    if (!client) return client.error();
    auto secrets = gather_secrets(*client, add);
    if (!secrets) return secrets.error();
    // Typing may have taken longer than the daemon keeps a silent connection.
    client = connect(common, Socket::admin);
    if (!client) return client.error();
    boost::json::object parameters;
    parameters["account"] = add.account;
    parameters["secrets"] = std::move(*secrets);
    if (!add.attributes.empty()) parameters["attributes"] = to_object(add.attributes);
    if (add.replace) parameters["replace"] = true;
    parameters["wait_ms"] = add.wait_ms;
    auto reply = call(*client, Socket::admin, "AddAccount", std::move(parameters), add.wait_ms);
    if (!reply) return reply.error();
    if (common.json) {
        const Answer<> printed = print_json(*reply);
        if (!printed) return printed;
        return outcome_of_add(add, *reply);
    }
    if (const auto* notices = list(*reply, "notices"))
        for (const auto& notice : *notices)
            if (notice.is_string()) complain(printable(notice.get_string()));
    const Answer<> outcome = outcome_of_add(add, *reply);
    if (!outcome) return outcome;
    return print_line(fmt::format("{}: {}", add.account,
                                  flag(*reply, "proved") ? "added; its tokens can be had"
                                                         : "added; not yet proved by a renewal"));
}

Answer<> run(const Common& common, const AccountRemove& remove) {
    return simple(common, "RemoveAccount", remove.account, "removed");
}

Answer<> run(const Common& common, const AccountPause& pause) {
    return simple(common, "PauseAccount", pause.account, "paused");
}

Answer<> run(const Common& common, const AccountResume& resume) {
    boost::json::object parameters;
    if (resume.try_retired) parameters["try_retired"] = true;
    return simple(common, "ResumeAccount", resume.account,
                  resume.try_retired ? "resumed; the refused grant is tried once more" : "resumed",
                  std::move(parameters));
}

// Page by page as the daemon finds them: whoever sees few of a million waits for no long silence.
Answer<> run(const Common& common, const AccountList&) {
    auto client = connect(common, Socket::tokens);
    if (!client) return client.error();
    Table table({"ACCOUNT", "PROVIDER", "STATE"});
    Answer<> shown;
    bool first = true;
    bool any = false;
    const auto page = [&](const boost::json::object& reply, bool last) {
        const auto* accounts = list(reply, "accounts");
        std::string out;
        if (common.json && std::exchange(first, false)) out += "{\"accounts\":[";
        if (accounts != nullptr)
            for (const auto& value : *accounts) {
                const auto* account = value.if_object();
                if (account == nullptr) continue;
                if (common.json)
                    out += (any ? "," : "") + boost::json::serialize(value);
                else
                    table.add({{printable(text(*account, "account"))},
                               {printable(text(*account, "provider"))},
                               {printable(text(*account, "state"))}});
                any = true;
            }
        if (common.json && last) out += "]}\n";
        if (!common.json && any) out = table.take(colours_wanted());
        return out.empty() ? Answer<>() : print(out);
    };
    const auto done =
        client->call_more(qualified(Socket::tokens, "ListAccounts"), {}, [&](ipc::CallReply reply) {
            shown = reply.error ? Answer<>(to_failure(*reply.error))
                                : page(reply.parameters, !reply.continues);
            return shown.has_value();
        });
    if (!done) return to_failure(done.error());
    return shown;
}

}  // namespace tb::cli
