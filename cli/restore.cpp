// restore: every byte of the file is checked here first, then the daemon gets it chunk by chunk.
// What came of each account is printed, and at the end which ones need a person.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <thread>

#include "base/base64.hpp"
#include "base/limits.hpp"
#include "cli/backup_io.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/status_pages.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

constexpr auto look_every = std::chrono::milliseconds(200);
constexpr std::size_t names_per_look = 100;  // they fit in one call

struct Outcome {
    std::map<std::string, std::int64_t, std::less<>> counts;  // added, replaced, same, kept, failed
    std::vector<std::string> login;
    std::vector<std::string> maybe_login;
    std::vector<std::string> untried;  // paused, misconfigured: not known before that is mended
    std::vector<std::string> no_client;
    std::vector<std::pair<std::string, std::string>> failed;
    std::vector<std::string> kept;
    std::int64_t secrets_added = 0;
    std::int64_t secrets_kept = 0;
    std::int64_t secrets_failed = 0;
};

void note(Outcome& outcome, const boost::json::object& reply) {
    outcome.secrets_added += number(reply, "client_secrets_added").value_or(0);
    outcome.secrets_kept += number(reply, "client_secrets_kept").value_or(0);
    outcome.secrets_failed += number(reply, "client_secrets_failed").value_or(0);
    const auto* accounts = list(reply, "accounts");
    if (accounts == nullptr) return;
    for (const auto& value : *accounts) {
        const auto* account = value.if_object();
        if (account == nullptr) continue;
        const std::string name(text(*account, "account"));
        const std::string_view what = text(*account, "outcome");
        const std::string_view needs = text(*account, "needs");
        ++outcome.counts[std::string(what)];
        if (what == "kept") outcome.kept.push_back(name);
        if (what == "failed") outcome.failed.emplace_back(name, text(*account, "why"));
        if (needs == "login") outcome.login.push_back(name);
        if (needs == "maybe_login") outcome.maybe_login.push_back(name);
        if (needs == "client") outcome.no_client.push_back(name);
    }
}

// Those whose grant proved good, or was refused, are no longer in doubt.
Answer<> settle(ipc::Client& client, Outcome& outcome) {
    std::vector<std::string> left;
    const auto judge = [&](const boost::json::object& reply, bool /*last*/) -> Answer<> {
        const auto* accounts = list(reply, "accounts");
        if (accounts == nullptr) return {};
        for (const auto& value : *accounts) {
            const auto* account = value.if_object();
            if (account == nullptr) continue;
            const std::string name(text(*account, "account"));
            const std::string_view state = text(*account, "state");
            if (state == "login_required") outcome.login.push_back(name);
            if (state == "outcome_unknown") left.push_back(name);
            // It was not tried, or was without its grant being looked at.
            if (state == "paused" || state == "misconfigured") outcome.untried.push_back(name);
        }
        return {};
    };
    for (std::size_t at = 0; at < outcome.maybe_login.size(); at += names_per_look) {
        const auto from = outcome.maybe_login.begin() + static_cast<std::ptrdiff_t>(at);
        const auto size = std::min(names_per_look, outcome.maybe_login.size() - at);
        const std::vector<std::string> some(from, from + static_cast<std::ptrdiff_t>(size));
        if (const Answer<> looked = each_status_page(client, some, judge); !looked) return looked;
    }
    outcome.maybe_login = std::move(left);
    return {};
}

boost::json::array names(const std::vector<std::string>& from) {
    return boost::json::array(from.begin(), from.end());
}

Answer<> report(const Common& common, const Outcome& outcome) {
    if (common.json) {
        boost::json::object out;
        for (const char* what : {"added", "replaced", "same", "kept", "failed"}) {
            const auto found = outcome.counts.find(what);
            out[what] = found == outcome.counts.end() ? 0 : found->second;
        }
        out["login_required"] = names(outcome.login);
        out["may_need_login"] = names(outcome.maybe_login);
        out["no_client"] = names(outcome.no_client);
        out["client_secrets_added"] = outcome.secrets_added;
        out["client_secrets_kept"] = outcome.secrets_kept;
        out["client_secrets_failed"] = outcome.secrets_failed;
        return print_json(out);
    }
    std::string lines;
    const auto each = [&lines](const std::vector<std::string>& of, std::string_view what) {
        for (const std::string& name : of)
            lines += printable(fmt::format(fmt::runtime(what), name)) + "\n";
    };
    each(outcome.kept, "{0}: not restored: the grant that is here is newer than the backup's");
    each(outcome.no_client, "{0}: restored, but the configuration has no such client");
    each(outcome.maybe_login,
         "{0}: may need a login: its grant may have been used since the backup and the provider "
         "has not said yet; see: tokenbroker status {0}");
    each(outcome.login, "{0}: needs a login: run: tokenbroker login {0}");
    const auto count = [&outcome](const char* what) {
        const auto found = outcome.counts.find(what);
        return found == outcome.counts.end() ? 0 : found->second;
    };
    lines += fmt::format(
        "{} restored, {} here already, {} kept as they are; {} need a login, {} may; {} client "
        "secret(s) restored\n",
        count("added") + count("replaced"), count("same"), count("kept"), outcome.login.size(),
        outcome.maybe_login.size(), outcome.secrets_added);
    return print(lines);
}

}  // namespace

Answer<> run(const Common& common, const Restore& restore) {
    auto reader = BackupReader::open(restore.file);
    if (!reader) return reader.error();
    auto client = connect(common, Socket::admin);
    if (!client) return client.error();
    const auto passphrase = backup_passphrase(restore.passphrase_file, false);
    if (!passphrase) return passphrase.error();
    const auto verified = verify_backup(restore.file, *passphrase);
    if (!verified) return verified.error();
    client = connect(common, Socket::admin);  // typing may have taken long
    if (!client) return client.error();
    boost::json::object parameters;
    parameters["key"] = to_base64(verified->key.view());
    parameters["header"] = to_base64(reader->header());
    auto started = call(*client, Socket::admin, "StartRestore", std::move(parameters));
    if (!started) return started.error();
    const std::string id(text(*started, "restore"));
    Outcome outcome;
    const Answer<> sent = reader->each([&](std::string_view frame) -> Answer<> {
        boost::json::object part;
        part["restore"] = id;
        part["data"] = to_base64(frame);
        auto reply = call(*client, Socket::admin, "RestoreData", std::move(part));
        if (!reply) return reply.error();
        note(outcome, *reply);
        return {};
    });
    Answer<> looked;
    for (std::int64_t left_ms = restore.wait_ms; sent && !outcome.maybe_login.empty();
         left_ms -= look_every.count()) {
        looked = settle(*client, outcome);
        if (!looked || left_ms <= 0 || outcome.maybe_login.empty()) break;
        std::this_thread::sleep_for(look_every);
    }
    outcome.maybe_login.insert(outcome.maybe_login.end(), outcome.untried.begin(),
                               outcome.untried.end());
    const Answer<> printed = report(common, outcome);
    if (!sent) return sent;
    if (!printed) return printed;
    if (!looked) return looked;
    for (const auto& [name, why] : outcome.failed)
        complain(printable(fmt::format("{}: not restored: {}", name, why)));
    if (!outcome.failed.empty())
        return failed(fmt::format("{} account(s) could not be restored", outcome.failed.size()));
    if (outcome.secrets_failed > 0)
        return failed(
            fmt::format("{} client secret(s) could not be stored; when the disk is well "
                        "again, run it again",
                        outcome.secrets_failed));
    if (!outcome.login.empty())
        return failed(fmt::format("{} account(s) need a login", outcome.login.size()),
                      Exit::login_required);
    return {};
}

}  // namespace tb::cli
