// Pause, resume, remove, client secrets: stored first, then in effect.
#include <string.h>

#include <utility>

#include "base/limits.hpp"
#include "daemon/admin_service.hpp"
#include "daemon/arguments.hpp"
#include "daemon/errors.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {

void AdminService::change_account(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const std::string name = arguments.text("account", limits::account_name_bytes_max);
    const std::string_view method = call.method_name();
    bool try_retired = false;
    if (method == "ResumeAccount") try_retired = arguments.boolean("try_retired").value_or(false);
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    auto account = table_.share(name);
    if (!account) {
        connection.out() += admin_error(name, Error{errc::unknown_account, name});
        return;
    }
    // Two at once could end in memory in another order than in the store.
    if (!changing_.insert(account->id).second) {
        const std::string reason = name + ": another change of it is being stored; try again";
        connection.out() += proto::make_error("io.tokenbroker.admin.Refused", {{"reason", reason}});
        return;
    }
    const Pending pending = connection.defer();
    if (method == "RemoveAccount")
        spawn(deps_.brain, "remove", remove(pending, std::move(account)));
    else
        spawn(deps_.brain, "pause",
              pause(pending, std::move(account), method == "PauseAccount", try_retired));
}

awaitable<void> AdminService::pause(Pending pending, std::shared_ptr<Account> account, bool paused,
                                    bool try_retired) {
    auto change = std::make_shared<storage::Change>(storage::SetPaused{account->id, paused});
    Result<storage::Committed> stored = co_await broker_.commit_known(account->name, change);
    if (stored && try_retired) {
        stored = co_await deps_.store.restore_retired(account->id);
        if (stored) {
            account->grant_version = stored->grant_version;
            account->state = storage::GrantState::good;
            account->reason.clear();
            account->intent.reset();
        } else if (stored.error().code == errc::not_found) {
            stored = Error{errc::invalid_parameter, "try_retired"};
        }
    }
    changing_.erase(account->id);
    if (!stored) {
        pending->finish(admin_error(account->name, stored.error()));
        co_return;
    }
    account->paused = paused;
    account->slot.failures_in_row = 0;
    account->slot.not_before = {};
    deps_.log.notice("{}: {} by an operator", account->name, paused ? "paused" : "resumed");
    if (paused) {
        broker_.forget(account, "paused");
    } else {
        broker_.notify(*account, "recovered", {});
        broker_.reschedule(account);
    }
    pending->finish(proto::make_reply({}));
}

awaitable<void> AdminService::remove(Pending pending, std::shared_ptr<Account> account) {
    // Opened before it is gone, revoked after: the account must go even if the provider is away.
    std::shared_ptr<SecretSet> grant;
    if (account->client && account->client->traits.revokes) {
        Result<SecretSet> opened = co_await deps_.store.open(account->id);
        if (opened) grant = std::make_shared<SecretSet>(std::move(*opened));
    }
    auto change = std::make_shared<storage::Change>(storage::RemoveAccount{account->id});
    const Result<storage::Committed> stored = co_await broker_.commit_known(account->name, change);
    changing_.erase(account->id);
    if (!stored && stored.error().code != errc::not_found) {
        pending->finish(admin_error(account->name, stored.error()));
        co_return;
    }
    if (!account->removed) {
        table_.remove(*account);
        broker_.forget(account, "removed");
        deps_.log.notice("{}: removed by an operator", account->name);
        // One that is in an exchange just now: what that brings is given back when it comes.
        if (!account->slot.in_flight) broker_.give_back(account->client, account->name, grant);
    }
    pending->finish(proto::make_reply({}));
}

void AdminService::revoke_account(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const std::string name = arguments.text("account", limits::account_name_bytes_max);
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    auto account = table_.share(name);
    if (!account) {
        connection.out() += admin_error(name, Error{errc::unknown_account, name});
        return;
    }
    spawn(deps_.brain, "revoke", revoke(connection.defer(), std::move(account)));
}

awaitable<void> AdminService::revoke(Pending pending, std::shared_ptr<Account> account) {
    const Result<void> revoked = co_await broker_.revoke(account);
    pending->finish(revoked ? proto::make_reply({}) : admin_error(account->name, revoked.error()));
}

void AdminService::set_client_secret(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const std::string client = arguments.text("client", limits::account_name_bytes_max);
    const std::string name = arguments.text("name", limits::account_name_bytes_max);
    std::string value = arguments.text("value", limits::secret_bytes_max);
    Secret secret(value);
    explicit_bzero(value.data(), value.size());
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    const auto& clients = table_.config()->clients;
    const auto found = clients.find(client);
    if (found == clients.end()) {
        connection.out() +=
            proto::make_error("io.tokenbroker.admin.UnknownClient", {{"client", client}});
        return;
    }
    const auto source = found->second.secrets.find(name);
    if (source == found->second.secrets.end() ||
        source->second.kind != SecretSource::Kind::stored) {
        const std::string reason =
            "client " + client + " does not take its " + name + " from the store; write " + name +
            " = { stored = true } into [clients." + client + "] and run: tokenbroker reload";
        connection.out() += proto::make_error("io.tokenbroker.admin.Refused", {{"reason", reason}});
        return;
    }
    auto change = std::make_shared<storage::Change>(
        storage::SetClientSecret{client, name, std::move(secret)});
    spawn(deps_.brain, "set-secret", store_secret(connection.defer(), client, std::move(change)));
}

awaitable<void> AdminService::store_secret(Pending pending, std::string client,
                                           std::shared_ptr<storage::Change> change) {
    const Result<storage::Committed> stored = co_await broker_.commit_known(client, change);
    if (!stored) {
        pending->finish(admin_error(client, stored.error()));
        co_return;
    }
    deps_.log.notice("client {}: a secret was stored", client);
    std::vector<std::string> changed;
    changed.push_back(client);
    co_await broker_.configured(std::move(changed));
    pending->finish(proto::make_reply({}));
}

}  // namespace tb::daemon
