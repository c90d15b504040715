// Rekey and Backup; what is put back is in admin_restore.cpp.
#include "daemon/admin_keep.hpp"

#include "base/base64.hpp"
#include "base/limits.hpp"
#include "daemon/arguments.hpp"
#include "daemon/errors.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {

Keeper::Keeper(const Deps& deps, AccountTable& table, Broker& broker, Audit& audit)
    : deps_(deps), table_(table), broker_(broker), audit_(audit) {}

void Keeper::stop() {
    stopping_ = true;
    end_restore(nullptr, "the daemon stops");
}

bool Keeper::call(ipc::Connection& connection, const proto::Call& call) {
    const std::string_view method = call.method_name();
    if (method == "Rekey") {
        rekey(connection, call);
    } else if (method == "Backup") {
        backup(connection, call);
    } else if (method == "StartRestore") {
        start_restore(connection, call);
    } else if (method == "RestoreData") {
        restore_data(connection, call);
    } else {
        return false;
    }
    return true;
}

bool Keeper::may(ipc::Connection& connection) const {
    const uid_t uid = connection.caller().uid;
    if (uid == 0 || uid == deps_.own_uid) return true;
    deps_.log.notice("a backup refused to {}: not root", connection.caller().describe());
    const Error error{errc::config,
                      "a backup opens every grant: only root and the daemon's own user may make or "
                      "restore one"};
    connection.out() += admin_error({}, error);
    return false;
}

void Keeper::rekey(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    deps_.log.notice("a new master key is asked for by {}", connection.caller().describe());
    spawn(deps_.brain, "rekey", rekey_now(connection.defer()));
}

awaitable<void> Keeper::rekey_now(Pending pending) {
    const Result<void> begun = co_await deps_.store.rekey();
    if (!begun) {
        pending->finish(admin_error({}, begun.error()));
        co_return;
    }
    const storage::StoreKeys keys = deps_.store.keys();
    pending->finish(proto::make_reply({{"key", keys.path}, {"key_id", keys.id}}));
}

std::optional<Keeper::Seal> Keeper::take_seal(ipc::Connection& connection,
                                              const proto::Call& call) {
    Arguments arguments(call);
    auto key = from_base64(arguments.text("key", limits::parameter_bytes_max));
    auto header = from_base64(arguments.text("header", limits::parameter_bytes_max));
    std::string wrong = arguments.wrong();
    if (wrong.empty() && (!key || key->size() != backup::key_bytes)) wrong = "key";
    if (wrong.empty() && (!header || !backup::fits(header->view(), *key))) wrong = "header";
    if (wrong.empty()) return Seal{std::move(*key), std::move(*header)};
    connection.out() += ipc::invalid_parameter(wrong);
    return {};
}

void Keeper::backup(ipc::Connection& connection, const proto::Call& call) {
    if (!may(connection)) return;
    const auto seal = take_seal(connection, call);
    if (!seal) return;
    if (!ipc::says_more(connection, call)) return;
    auto ask = std::make_shared<storage::BackupAsk>();
    ask->key = seal->key.copy();
    ask->header = seal->header.view();
    deps_.log.notice("a backup is made for {}", connection.caller().describe());
    spawn(deps_.brain, "backup", send_backup(connection.defer(), std::move(ask)));
}

// A chunk is read when the one before has left: a slow caller costs one chunk of memory.
awaitable<void> Keeper::send_backup(Pending pending, std::shared_ptr<storage::BackupAsk> ask) {
    auto moved = std::make_shared<Event>(deps_.brain);
    pending->on_gone([moved] { moved->notify_all(); });
    for (;;) {  // until the last chunk, an error, or nobody listens
        const Result<void> sealed = co_await deps_.store.backup(ask);
        if (!sealed) {
            deps_.log.error("the backup failed: {}", sealed.error().message);
            pending->finish(admin_error({}, sealed.error()));
            co_return;
        }
        boost::json::object reply;
        reply["data"] = to_base64(ask->bytes);
        if (ask->last) {
            reply["accounts"] = ask->accounts;
            reply["client_secrets"] = ask->client_secrets;
            deps_.log.notice("a backup of {} account(s) was made", ask->accounts);
            pending->finish(proto::make_reply(reply));
            co_return;
        }
        if (!pending->gone() && !stopping_) {
            pending->stream(proto::make_reply(reply, true));
            auto drained = std::make_shared<bool>(false);
            pending->on_drained([moved, drained] {
                *drained = true;
                moved->notify_all();
            });
            while (!*drained && !pending->gone())
                co_await moved->wait();
        }
        if (pending->gone() || stopping_) break;
        ask->turn = storage::BackupAsk::Turn::next;
    }
    ask->turn = storage::BackupAsk::Turn::end;
    (void)co_await deps_.store.backup(ask);
    deps_.log.notice("a backup was given up: {}",
                     stopping_ ? "the daemon stops" : "nobody takes it any more");
    if (!pending->gone())
        pending->finish(admin_error({}, Error{errc::config, "the daemon is stopping"}));
}

}  // namespace tb::daemon
