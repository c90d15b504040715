// See admin_service.hpp: what only looks, renews or reloads. GetStatus is in admin_status.cpp,
// enrolment in admin_enrol.cpp, changes in admin_change.cpp.
#include "daemon/admin_service.hpp"

#include <algorithm>

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
      keeper_(deps, table, broker, audit),
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
        const std::string_view method = shown_method(call);
        deps_.log.notice("{} refused to {}: not root and not in the admin group", method,
                         connection.caller().describe());
        const auto why = [] { return "not root and not in the admin group"; };
        audit_.refused(connection.caller(), nullptr, {}, method, why);
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
    // By the rules that a call is judged by now: a reload may not have come to this account yet.
    const Account* account = table_.find(name);
    const std::vector<const AccessRule*> rules =
        account != nullptr ? account->rules : rules_for(table_.config()->access, name);
    std::string because = explain(rules, name);
    bool allowed = id == 0 || id == deps_.own_uid;
    if (allowed) because = "root and the daemon's own uid may always";
    for (const AccessRule* rule : rules)
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
        for (const std::string& line : result.mistakes.warnings)
            deps_.log.warning("config: {}", line);
        for (const std::string& line : result.mistakes.lines)
            deps_.log.error("config: {}", line);
        if (!result.mistakes.lines.empty()) {
            reloading_ = false;
            return done(std::move(result.mistakes.lines), {});
        }
        taking_effect_ = true;
        auto changed = table_.configure(std::make_shared<const Config>(std::move(result.config)));
        spawn(deps_.brain, "reload", take_effect(std::move(changed), done));
    });
}

// Answered when nobody is served any more by a rule that is gone.
awaitable<void> AdminService::take_effect(std::vector<std::string> changed, Reloaded done) {
    co_await broker_.configured(changed);
    table_.forget_previous();
    if (hooks_.reconfigured) co_await hooks_.reconfigured();
    deps_.log.notice("config: reloaded, {} client section(s) changed", changed.size());
    reloading_ = taking_effect_ = false;
    done({}, changed);
    enrolment_ended_.notify_all();
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
