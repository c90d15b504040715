// Keeping what is stored: a new master key, backups, and what is put back from one. Part of
// io.tokenbroker.admin. A backup is sealed in the store's thread under a key that the caller
// brings, so no secret passes through here; but whoever brings the key can open it, so only those
// may who can read the state folder anyway: root and the daemon's own uid, not the admin group.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/backup_file.hpp"
#include "daemon/audit.hpp"
#include "daemon/broker.hpp"
#include "ipc/service.hpp"
#include "storage/backup_record.hpp"

namespace tb::daemon {

class Keeper {
  public:
    Keeper(const Deps& deps, AccountTable& table, Broker& broker, Audit& audit);

    // Is the method one of these? Then it is answered.
    bool call(ipc::Connection& connection, const proto::Call& call);
    void stop();  // a backup or a restore under way ends unfinished

  private:
    using Pending = std::shared_ptr<ipc::Pending>;
    // One restore: chunks come in order, one call each.
    struct Session {
        std::string id;
        backup::Chunks chunks;
        storage::BackupRecords records;
        WallTime made_at;
        BootTime deadline;
        bool counted = false;  // the counts at the beginning were taken off
        bool busy = false;     // a chunk is being stored
        std::map<std::string, std::size_t, std::less<>> outcomes;  // accounts of each, so far
        std::size_t secrets_added = 0;
        std::size_t secrets_kept = 0;
        std::size_t secrets_failed = 0;
        Session(std::string name, std::string_view header, const Secret& key, WallTime made)
            : id(std::move(name)), chunks(header, key), made_at(made) {}
    };
    // What came of one chunk.
    struct Batch {
        std::vector<storage::BackupRecord> records;
        std::vector<boost::json::object> answers;  // of each record that is an account
        std::size_t secrets_added = 0;
        std::size_t secrets_kept = 0;
        std::size_t secrets_failed = 0;  // the store could not take them
        std::size_t left = 0;
        Event done;
        explicit Batch(const asio::any_io_executor& brain) : done(brain) {}
    };

    // What a caller seals a backup with, or opens one.
    struct Seal {
        Secret key;
        Secret header;
    };

    bool may(ipc::Connection& connection) const;
    // Both, and they fit each other; else the caller was told which doesn't.
    static std::optional<Seal> take_seal(ipc::Connection& connection, const proto::Call& call);
    void rekey(ipc::Connection& connection, const proto::Call& call);
    awaitable<void> rekey_now(Pending pending);
    void backup(ipc::Connection& connection, const proto::Call& call);
    awaitable<void> send_backup(Pending pending, std::shared_ptr<storage::BackupAsk> ask);
    void start_restore(ipc::Connection& connection, const proto::Call& call);
    void restore_data(ipc::Connection& connection, const proto::Call& call);
    Result<void> take_chunk(Session& session, std::string_view data, Batch& batch);
    // Into the audit as one row, however many chunks there were. Nothing if none is under way.
    void end_restore(const ipc::Caller* caller, std::string_view given_up);
    awaitable<void> restore_all(Pending pending, std::shared_ptr<Session> session,
                                std::shared_ptr<Batch> batch);
    awaitable<void> restore_account(std::shared_ptr<Session> session, std::shared_ptr<Batch> batch,
                                    std::size_t record);
    awaitable<void> restore_secret(std::shared_ptr<Batch> batch, std::size_t record);
    std::string_view needs_of(std::string_view name) const;
    void in_memory(storage::AccountRecord record, const storage::Committed& stored);

    const Deps& deps_;
    AccountTable& table_;
    Broker& broker_;
    Audit& audit_;
    std::shared_ptr<Session> restore_;
    bool stopping_ = false;
};

}  // namespace tb::daemon
