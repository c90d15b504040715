// See admin_service.hpp: what only looks, renews or reloads. Enrolment is in admin_enrol.cpp,
// changes in admin_change.cpp.
#include "daemon/admin_service.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/limits.hpp"
#include "daemon/arguments.hpp"
#include "daemon/audit_admin.hpp"
#include "daemon/errors.hpp"
#include "daemon/status_json.hpp"
#include "ipc/replies.hpp"
#include "providers/login.hpp"

namespace tb::daemon {

AdminService::AdminService(const Deps& deps, AccountTable& table, Broker& broker, Audit& audit,
                           Hooks hooks)
    : deps_(deps),
      table_(table),
      broker_(broker),
      audit_(audit),
      keeper_(deps, table, broker),
      hooks_(std::move(hooks)),
      started_(deps.clock.wall()),
      enrolment_ended_(deps.brain) {}

bool AdminService::may(const ipc::Caller& caller) const {
    if (caller.uid == ipc::nobody_id) return false;
    if (caller.uid == 0 || caller.uid == deps_.own_uid) return true;
    if (!admin_gid_ || *admin_gid_ == ipc::nobody_id) return false;
    return caller.gid == *admin_gid_ || std::find(caller.groups.begin(), caller.groups.end(),
                                                  *admin_gid_) != caller.groups.end();
}

void AdminService::call(ipc::Connection& connection, const proto::Call& call) {
    if (!may(connection.caller())) {
        deps_.log.notice("{} refused to {}: not root and not in the admin group", call.method,
                         connection.caller().describe());
        const auto why = [] { return "not root and not in the admin group"; };
        audit_.refused(connection.caller(), nullptr, {}, call.method_name(), why);
        connection.out() += ipc::permission_denied();
        return;
    }
    if (!is_audited(call.method_name())) return dispatch(connection, call);
    AuditedCall audited(connection, call, audit_);
    dispatch(audited, call);
    audited.dispatched();
}

void AdminService::dispatch(ipc::Connection& connection, const proto::Call& call) {
    const std::string_view method = call.method_name();
    if (method == "GetStatus") return get_status(connection, call);
    if (method == "ListClients") return list_clients(connection);
    if (method == "AddAccount") return add_account(connection, call);
    if (method == "Login") return login(connection, call);
    if (method == "FinishLogin") return finish_login(connection, call);
    if (method == "RevokeAccount") return revoke_account(connection, call);
    if (method == "RemoveAccount" || method == "PauseAccount" || method == "ResumeAccount")
        return change_account(connection, call);
    if (method == "RenewAccount") return renew_account(connection, call);
    if (method == "SetClientSecret") return set_client_secret(connection, call);
    if (method == "Reload") return reload_call(connection);
    if (method == "Diagnose") return diagnose(connection, call);
    if (method == "ReadAudit") return read_audit(connection, call);
    if (method == "ExplainAccess") return explain_access(connection, call);
    if (keeper_.call(connection, call)) return;
    connection.out() += ipc::method_not_found(call);
}

namespace {
// How a change of the master key goes; empty: there is none.
std::string rekey_words(const storage::StoreKeys& keys) {
    if (!keys.changing) return {};
    if (!keys.trouble.empty()) return "it does not get on: " + keys.trouble;
    if (keys.waits_for_stop)
        return "everything is under the new key; the old one goes at the next stop of the daemon";
    return fmt::format("{} rows are under the new key", keys.resealed);
}
}  // namespace

boost::json::object AdminService::daemon_status() const {
    boost::json::object out;
    out["version"] = TB_VERSION;
    out["pid"] = ::getpid();
    out["started_at_ms"] = to_ms(started_);
    out["accounts"] = table_.size();
    out["exchanges_in_flight"] = broker_.exchanges_in_flight();
    out["connections"] = hooks_.connections ? hooks_.connections() : 0;
    out["state_dir"] = table_.config()->state_dir;
    out["config"] = table_.config()->main_file;
    const storage::StoreKeys keys = deps_.store.keys();
    out["master_key"] = keys.path;
    out["master_key_id"] = keys.id;
    if (keys.changing) out["rekey"] = rekey_words(keys);
    boost::json::array alarms;
    for (const std::string& alarm : broker_.alarms())
        alarms.emplace_back(alarm);
    out["alarms"] = std::move(alarms);
    return out;
}

void AdminService::get_status(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const auto names =
        arguments.texts("accounts", static_cast<std::size_t>(limits::status_page_max),
                        limits::account_name_bytes_max, false);
    const auto after = arguments.optional_text("after", limits::account_name_bytes_max);
    const auto limit = arguments.integer("limit", 1, limits::status_page_max).value_or(200);
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    const Moment at = broker_.moment();
    boost::json::array accounts;
    boost::json::object reply;
    reply["daemon"] = daemon_status();
    std::size_t bytes = 4096;
    // A page ends at its limit or where the frame would be too large; a page always has one
    // account.
    const auto add = [&](const Account& account) {
        auto status = account_status(account, broker_, at);
        bytes += boost::json::serialize(status).size() + 1;
        if (!accounts.empty() && bytes > limits::frame_bytes_max) return false;
        accounts.push_back(std::move(status));
        return accounts.size() < static_cast<std::size_t>(limit);
    };
    std::string last;
    if (names.empty()) {
        bool full = false;
        table_.each_after(after.value_or(""), [&](Account& account) {
            const std::size_t before = accounts.size();
            full = !add(account);
            if (accounts.size() > before) last = account.name;
            return !full;
        });
        if (full) reply["next"] = last;
    }
    for (const std::string& name : names) {
        const Account* account = table_.find(name);
        if (account == nullptr) {
            connection.out() += admin_error(name, Error{errc::unknown_account, name});
            return;
        }
        add(*account);
    }
    reply["accounts"] = std::move(accounts);
    connection.out() += proto::make_reply(reply);
}

void AdminService::list_clients(ipc::Connection& connection) {
    boost::json::array clients;
    for (const auto& [name, client] : table_.config()->clients) {
        std::string secret = "none";
        for (const auto& [key, source] : client.secrets) {
            const bool stored = source.kind == SecretSource::Kind::stored;
            secret = key + (stored                                    ? " stored"
                            : source.kind == SecretSource::Kind::file ? " in a file"
                                                                      : " as a credential");
        }
        boost::json::array fields;
        for (const std::string& field : client.provider->grant_fields(client.settings))
            fields.emplace_back(field);
        boost::json::array logins;
        for (const providers::LoginFlow flow : client.provider->login_flows(client.settings))
            logins.emplace_back(to_string(flow));
        clients.push_back({{"client", name},
                           {"provider", client.settings.provider},
                           {"base_url", client.settings.base_url},
                           {"accounts", table_.size_of(name)},
                           {"secret", secret},
                           {"fields", std::move(fields)},
                           {"logins", std::move(logins)}});
    }
    connection.out() += proto::make_reply({{"clients", std::move(clients)}});
}

void AdminService::explain_access(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const std::string name = arguments.text("account", limits::account_name_bytes_max);
    const auto uid = arguments.integer("uid", 0, UINT32_MAX);
    std::string wrong = arguments.wrong();
    if (wrong.empty() && !uid) wrong = "uid";
    if (!wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    const auto id = static_cast<uid_t>(*uid);
    std::string because = explain(table_.config()->access, name);
    bool allowed = id == 0 || id == deps_.own_uid;
    if (allowed) because = "root and the daemon's own uid may always";
    for (const AccessRule* rule : rules_for(table_.config()->access, name))
        for (const Selector& selector : rule->allow)
            if (!allowed && selector.uid == id && id != ipc::nobody_id && !selector.gid &&
                !selector.needs_proc()) {
                allowed = true;
                because = rule->place + " allows uid " + std::to_string(id);
            }
    connection.out() += proto::make_reply({{"allowed", allowed}, {"because", because}});
}

void AdminService::renew_account(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const std::string name = arguments.text("account", limits::account_name_bytes_max);
    const auto timeout = arguments.integer("timeout_ms", 0, limits::reader_timeout_max_ms.count());
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    const auto account = table_.share(name);
    if (!account) {
        connection.out() += admin_error(name, Error{errc::unknown_account, name});
        return;
    }
    const bool is_static = effective_policy(*account) == providers::Policy::static_token;
    const auto blocked = broker_.blocked(*account);
    const bool hopeless = blocked && blocked->code != errc::misconfigured;
    if (hopeless || !account->client || (is_static && !account->client->traits.probes)) {
        const Error error = blocked ? *blocked : Error{errc::invalid_parameter, "account"};
        connection.out() +=
            error.code == errc::account_paused
                ? proto::make_error("io.tokenbroker.admin.Refused", {{"reason", error.message}})
                : admin_error(name, error);
        return;
    }
    const auto pending = connection.defer();
    auto done = [this, pending, account](const Result<const Slot*>& outcome) {
        if (!outcome) return pending->finish(admin_error(account->name, outcome.error()));
        const auto status = account_status(*account, broker_, broker_.moment());
        pending->finish(proto::make_reply({{"account", status}}));
    };
    broker_.kick(account, timeout ? Millis{*timeout} : limits::exchange_timeout_ms,
                 std::move(done));
}

void AdminService::reload(
    std::function<void(std::vector<std::string>, std::vector<std::string>)> done) {
    if (reloading_) return done({"a reload is under way"}, {});
    reloading_ = true;
    deps_.load_config([this, done = std::move(done)](ConfigResult result) {
        reloading_ = false;
        for (const std::string& line : result.mistakes.warnings)
            deps_.log.warning("config: {}", line);
        for (const std::string& line : result.mistakes.lines)
            deps_.log.error("config: {}", line);
        if (!result.mistakes.lines.empty()) return done(std::move(result.mistakes.lines), {});
        const auto changed =
            table_.configure(std::make_shared<const Config>(std::move(result.config)));
        broker_.configured(changed);
        if (hooks_.reconfigured) hooks_.reconfigured();
        deps_.log.notice("config: reloaded, {} client section(s) changed", changed.size());
        done({}, changed);
    });
}

void AdminService::reload_call(ipc::Connection& connection) {
    const auto pending = connection.defer();
    reload([this, pending](const std::vector<std::string>& mistakes,
                           const std::vector<std::string>& changed) {
        boost::json::object reply;
        boost::json::array list;
        for (const std::string& line : mistakes.empty() ? changed : mistakes)
            list.emplace_back(line);
        if (!mistakes.empty()) {
            reply["mistakes"] = std::move(list);
            return pending->finish(proto::make_error("io.tokenbroker.admin.ConfigInvalid", reply));
        }
        reply["accounts"] = table_.size();
        reply["changed_clients"] = std::move(list);
        pending->finish(proto::make_reply(reply));
    });
}

}  // namespace tb::daemon
