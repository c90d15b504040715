// StartRestore, RestoreData: a backup comes back chunk by chunk and each account is judged on its
// own. What must stay true: nothing that is stored now gives way to something older (the store
// decides that, in one commit), and a single-use grant out of a backup is not trusted: it may have
// been used since, by the host that is gone, so it starts as one whose outcome is unknown.
#include <algorithm>
#include <utility>

#include "base/base64.hpp"
#include "base/limits.hpp"
#include "daemon/account_name.hpp"
#include "daemon/admin_keep.hpp"
#include "daemon/admin_service.hpp"
#include "daemon/arguments.hpp"
#include "daemon/errors.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {

using storage::BackupAccount;
using storage::BackupClientSecret;
using storage::GrantState;
using storage::Restored;

namespace {

Error refusal(std::string why) {
    return {errc::config, std::move(why)};
}

std::string_view words(Restored what) {
    switch (what) {
        case Restored::added:
            return "added";
        case Restored::replaced:
            return "replaced";
        case Restored::same:
            return "same";
        default:
            return "kept";
    }
}

}  // namespace

void Keeper::start_restore(ipc::Connection& connection, const proto::Call& call) {
    if (!may(connection)) return;
    const auto seal = take_seal(connection, call);
    if (!seal) return;
    const BootTime now = deps_.clock.now();
    if (restore_ && (restore_->busy || now < restore_->deadline)) {
        connection.out() +=
            admin_error({}, refusal("another restore is under way; try again in a minute"));
        return;
    }
    end_restore(nullptr, "nothing more of it came");
    const std::uint64_t high = deps_.random.u64();
    const std::uint64_t low = deps_.random.u64();
    restore_ =
        std::make_shared<Session>(fmt::format("{:016x}{:016x}", high, low), seal->header.view(),
                                  seal->key, backup::parse_header(seal->header.view())->made_at);
    restore_->deadline = now + limits::backup_idle_ms;
    deps_.log.notice("a backup is restored by {}", connection.caller().describe());
    connection.out() += proto::make_reply({{"restore", restore_->id}});
}

void Keeper::restore_data(ipc::Connection& connection, const proto::Call& call) {
    if (!may(connection))
        return audit_.admin(&connection.caller(), "RestoreData", {}, false, "Refused: not root");
    Arguments arguments(call);
    const std::string id = arguments.text("restore", limits::parameter_bytes_max);
    const std::string data = arguments.text("data", limits::frame_bytes_max);
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    if (!restore_ || restore_->id != id || restore_->busy) {
        connection.out() += admin_error(
            {}, refusal("no such restore is under way (too long a pause, or the daemon was "
                        "restarted); run it again: what is restored already stays"));
        return;
    }
    auto batch = std::make_shared<Batch>(deps_.brain);
    if (const auto taken = take_chunk(*restore_, data, *batch); !taken) {
        end_restore(&connection.caller(), taken.error().message);
        connection.out() += admin_error(
            {}, refusal("the backup was not restored any further: " + taken.error().message));
        return;
    }
    restore_->busy = true;
    spawn(deps_.brain, "restore", restore_all(connection.defer(), restore_, std::move(batch)));
}

Result<void> Keeper::take_chunk(Session& session, std::string_view data, Batch& batch) {
    const auto frame = from_base64(data);
    const auto head =
        frame ? backup::parse_frame_head(frame->view().substr(0, backup::frame_head_bytes))
              : std::nullopt;
    if (!head || frame->size() != backup::frame_head_bytes + head->sealed_bytes)
        return Error{errc::damaged, "a part of it has another form"};
    const Result<Secret> plain =
        session.chunks.open(frame->view().substr(backup::frame_head_bytes), head->last);
    if (!plain) return plain.error();
    const std::size_t skip = session.counted ? 0 : backup::contents_bytes;
    if (plain->size() < skip) return Error{errc::damaged, "a part of it has another form"};
    session.counted = true;
    session.records.feed(plain->view().substr(skip));
    for (;;) {  // a chunk is bounded, and so are its records
        Result<std::optional<storage::BackupRecord>> record = session.records.next();
        if (!record) return record.error();
        if (!*record) break;
        batch.records.push_back(std::move(**record));
    }
    if (head->last && !session.records.empty())
        return Error{errc::damaged, "its last record is cut off"};
    return {};
}

void Keeper::end_restore(const ipc::Caller* caller, std::string_view given_up) {
    const std::shared_ptr<Session> session = std::exchange(restore_, nullptr);
    if (!session) return;
    std::string detail;
    if (!given_up.empty()) detail = fmt::format("given up: {}; until then ", given_up);
    std::string_view between;
    for (const std::string_view outcome : {"added", "replaced", "same", "kept", "failed"}) {
        const auto found = session->outcomes.find(outcome);
        const std::size_t n = found == session->outcomes.end() ? 0 : found->second;
        detail += fmt::format("{}{} {}", std::exchange(between, ", "), n, outcome);
    }
    detail += fmt::format("; client secrets: {} added, {} kept, {} failed", session->secrets_added,
                          session->secrets_kept, session->secrets_failed);
    const bool done =
        given_up.empty() && !session->outcomes.contains("failed") && session->secrets_failed == 0;
    audit_.admin(caller, "RestoreData", {}, done, detail);
}

// All of a chunk at once: the store makes one commit of them.
awaitable<void> Keeper::restore_all(Pending pending, std::shared_ptr<Session> session,
                                    std::shared_ptr<Batch> batch) {
    batch->left = batch->records.size();
    batch->answers.resize(batch->records.size());  // never moved from here on
    for (std::size_t i = 0; i < batch->records.size(); ++i) {
        if (std::holds_alternative<BackupAccount>(batch->records[i]))
            spawn(deps_.brain, "restore-account", restore_account(session, batch, i));
        else
            spawn(deps_.brain, "restore-secret", restore_secret(batch, i));
    }
    while (batch->left > 0)
        co_await batch->done.wait();
    boost::json::object reply;
    boost::json::array accounts;
    for (boost::json::object& answer : batch->answers) {
        if (answer.empty()) continue;
        ++session->outcomes[std::string(answer.at("outcome").as_string())];
        accounts.push_back(std::move(answer));
    }
    session->secrets_added += batch->secrets_added;
    session->secrets_kept += batch->secrets_kept;
    session->secrets_failed += batch->secrets_failed;
    reply["accounts"] = std::move(accounts);
    reply["client_secrets_added"] = batch->secrets_added;
    reply["client_secrets_kept"] = batch->secrets_kept;
    reply["client_secrets_failed"] = batch->secrets_failed;
    session->busy = false;
    session->deadline = deps_.clock.now() + limits::backup_idle_ms;
    if (session->chunks.ended() && restore_ == session) {
        end_restore(&pending->caller(), {});
        deps_.log.notice("a backup was restored; there are {} account(s) now", table_.size());
    }
    pending->finish(proto::make_reply(reply));
}

awaitable<void> Keeper::restore_account(std::shared_ptr<Session> session,
                                        std::shared_ptr<Batch> batch, std::size_t record) {
    auto& from = std::get<BackupAccount>(batch->records[record]);
    storage::AccountRecord& r = from.account;
    boost::json::object& says = batch->answers[record];
    says["account"] = r.name;
    const auto client = table_.client(client_of(r.name));
    const bool known = client && client->client->provider->name() == r.provider;
    const bool single_use = !known || client->traits.single_use_grant;
    // What is to be mended of one that was misconfigured says nothing of its grant.
    const bool doubtful = single_use && r.state != GrantState::login_required;
    if (doubtful) {
        r.state = GrantState::outcome_unknown;
        r.reason = r.name +
                   ": came from a backup; its refresh token is used up by each renewal and may "
                   "have been used since: it is tried, and if the provider refuses it, a login is "
                   "needed";
        r.intent = storage::IntentRecord{{}, session->made_at, 0};
    }
    Result<void> fine = check_account_name(r.name);
    if (fine && table_.find(r.name) == nullptr) fine = room_for_account(table_.size());
    auto change = std::make_shared<storage::Change>(storage::RestoreAccount{});
    auto& restore = std::get<storage::RestoreAccount>(*change);
    restore.account = r.copy();
    restore.grant = std::move(from.grant);
    Result<storage::Committed> stored = Error{errc::config, "not asked"};
    if (fine) stored = co_await broker_.commit_known(r.name, change);
    if (fine && stored) {
        says["outcome"] = words(stored->restored);
        const std::string name = r.name;
        if (stored->restored == Restored::added || stored->restored == Restored::replaced)
            in_memory(std::move(r), *stored);
        const std::string_view needs = known ? needs_of(name) : "client";
        if (!needs.empty() && stored->restored != Restored::kept) says["needs"] = needs;
    } else {
        says["outcome"] = "failed";
        says["why"] = fine ? stored.error().message : fine.error().message;
    }
    if (--batch->left == 0) batch->done.notify_all();
}

// Of one that is here, whoever brought it: a restore is run again when it was cut off.
std::string_view Keeper::needs_of(std::string_view name) const {
    const Account* account = table_.find(name);
    if (account == nullptr) return {};
    if (account->state == GrantState::login_required) return "login";
    const bool unproved = account->state == GrantState::outcome_unknown || account->intent;
    return unproved ? "maybe_login" : "";
}

// Into memory as it is stored; the broker looks after it from now on.
void Keeper::in_memory(storage::AccountRecord record, const storage::Committed& stored) {
    record.id = stored.account;
    record.grant_version = stored.grant_version;
    record.generation = stored.generation;
    if (record.intent) record.intent->fingerprint = stored.grant_fingerprint;
    if (record.token && stored.restored == Restored::replaced)
        record.token->generation = stored.generation;
    const bool doubtful = record.state == GrantState::outcome_unknown;
    std::shared_ptr<Account> account = table_.share(record.name);
    if (account && account->id != record.id) {  // its row is gone: this is another of that name
        table_.remove(*account);
        broker_.forget(account, "removed");
        account = nullptr;
    }
    if (!account) {
        account = table_.insert(std::move(record), broker_.moment(), deps_.clock.boot_id());
    } else {
        account->rejected_by_probe = false;  // of a token that is not in hand any more
        account->rejected.clear();
        account->slot.failures_in_row = 0;
        account->slot.not_before = {};
        account->slot.refused.reset();
        account->slot.hand_out = HandOut();
        account->slot.expires_at = {};
        account->slot.lifetime.reset();
        take_over(*account, std::move(record), broker_.moment(), deps_.clock.boot_id());
    }
    deps_.log.notice("{}: {} from a backup", account->name, words(stored.restored));
    broker_.restored(account, doubtful);
}

awaitable<void> Keeper::restore_secret(std::shared_ptr<Batch> batch, std::size_t record) {
    auto& from = std::get<BackupClientSecret>(batch->records[record]);
    const std::string client = from.client;
    storage::SetClientSecret set{from.client, from.name, std::move(from.value), true};
    auto change = std::make_shared<storage::Change>(std::move(set));
    const Result<storage::Committed> stored = co_await broker_.commit_known(client, change);
    if (!stored) {
        deps_.log.error("client {}: its secret could not be restored: {}", client,
                        stored.error().message);
        ++batch->secrets_failed;
    }
    if (stored && stored->restored == Restored::added) {
        ++batch->secrets_added;
        std::vector<std::string> changed;
        changed.push_back(client);
        co_await broker_.configured(std::move(changed));
    } else if (stored) {
        ++batch->secrets_kept;
    }
    if (--batch->left == 0) batch->done.notify_all();
}

}  // namespace tb::daemon
