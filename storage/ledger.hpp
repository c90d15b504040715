// The store without its thread: files, connections, and groups of changes. Everything here is
// called by one thread at a time.
//
// A commit that fails leaves a question: is it in the log or not? SQLite rolls it back in memory,
// but its pages may be complete on the disk, and the next opening would find them. So after an I/O
// error the connections are closed, opened again, and the head record is read: it says whether the
// group is in. If it is, and a checkpoint (which writes and syncs all of it anew) succeeds, the
// group is answered as committed; if that can't be found out yet, every change is answered
// errc::storage, nothing else is let in until it is known, and a change that turns out to be in is
// answered from memory when the caller tries the same object again.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "storage/ballast.hpp"
#include "storage/changes.hpp"
#include "storage/connections.hpp"
#include "storage/database.hpp"
#include "storage/head.hpp"
#include "storage/keyring.hpp"
#include "storage/lock_file.hpp"
#include "storage/rows.hpp"
#include "storage/seal.hpp"
#include "storage/snapshot.hpp"
#include "storage/token_store.hpp"

namespace tb::storage {

// A change, or one of the three things done in the same way.
struct Work {
    enum class Kind { change, restore_retired, prune, reseal };
    Kind kind = Kind::change;
    AccountId account = 0;           // of restore_retired
    const Change* change = nullptr;  // of change
    // Keeps the change alive, and is what a change is known by when it comes again.
    std::shared_ptr<const void> identity{};
};

struct StoreStats {
    std::uint64_t transactions = 0;  // committed
    std::uint64_t changes = 0;       // committed in them
    std::uint64_t checkpoints = 0;
    std::uint64_t reopened = 0;
    bool ballast_in_place = false;
};

// A change of the master key under way.
struct Rekey {
    RowsPosition at;    // durable up to here
    RowsPosition next;  // what the commit under way will make of it
    std::size_t resealed = 0;
    std::string retired_id{};     // nothing is under this key any more; its file goes
    bool waits_for_stop = false;  // the database is too large to be written anew while running
    int turns_to_wait = 0;        // after a failure
};
// A new key whose commit failed and may be in all the same.
struct Entering {
    std::unique_ptr<Sealer> sealer;
    std::string path;
    Head after;
};

class Ledger {
  public:
    // `random` is used in here only. `log` outlives the ledger.
    static Result<std::unique_ptr<Ledger>> open(SqliteOptions options, Random& random, Log& log);
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    Result<void> load(const std::function<void(AccountRecord)>& each);
    // One transaction for all; an answer for each. At most limits::commit_group_max.
    std::vector<Result<Committed>> commit(std::span<const Work> group);
    Result<SecretSet> open_grant(AccountId account);
    Result<SecretSet> open_client_secrets(const std::string& client);

    // How long to be quiet before tidy() is worth it, and what is then done: the log copied into
    // the database, the ballast put back, old retired grants dropped, the files opened again.
    Millis tidy_after() const;
    void tidy();

    // After each group is answered: a log that never finds quiet is bounded here.
    void bound_log();

    // --- the master key (ledger_rekey.cpp) ---
    // A new key is in force when this returns; rekey_step() then takes the rows along, some at a
    // time, and goes on after a restart. errc::config: why not now.
    Result<void> begin_rekey();
    bool rekey_wants_step();  // between two groups
    void rekey_step();
    StoreKeys keys() const;  // from any thread

    // --- a backup (ledger_backup.cpp): one at a time, not while the key is changed ---
    Result<void> backup(BackupAsk& ask);

    // The log is copied into the database, everything closed and the folder unlocked. Nothing may
    // be called after.
    void close();

    StoreStats stats() const;     // from any thread
    std::string trouble() const;  // from any thread: see TokenStore

  private:
    // A group whose COMMIT failed and may be in all the same.
    struct Doubt {
        Head after;
        std::vector<Work> group;
        std::vector<Result<Committed>> answers;
    };
    struct Attempt {
        std::vector<Result<Committed>> answers;
        std::optional<Error> failed{};  // all of it
        bool no_room = false;
    };

    Ledger(SqliteOptions options, LockFile lock, Log& log);
    std::string file(const char* name) const { return options_.state_dir + "/" + name; }
    WallTime now();
    // Opening and closing (ledger.cpp).
    Result<void> connect_first(Random& random);
    Result<void> reconnect();
    Result<void> ready();
    Result<void> whole();
    Result<void> resolve_doubt();
    void after_reading();
    void prune();
    void put_ballast_back();
    void checkpoint();
    Error failing(Error error);
    void works_again();
    void try_to_write();
    // The master key (ledger_rekey.cpp).
    void entered();
    Result<void> resolve_entering(Database& database);
    Result<void> finish_rekey(bool stopping);
    Result<void> scrub();
    bool transact(const std::function<void(Database&)>& change);
    void rekey_failed(const Error& error);
    void publish_keys(std::string trouble = {});
    // Groups (ledger_commit.cpp).
    Attempt attempt(std::span<const Work> group);
    Result<Committed> apply(const Work& work, Sum& sum, WallTime at);
    bool apply_all(std::span<const Work> group, Attempt& attempt, Sum& sum);
    void give_up(Attempt& attempt);
    void drop_ballast();
    std::optional<Result<Committed>> remembered(const Work& work);
    bool in_doubt(const Work& work) const;
    void forget_unasked();

    SqliteOptions options_;
    std::optional<LockFile> lock_;
    Log& log_;
    Ballast ballast_;
    Sealers sealers_;       // before connections_: their rows use them
    std::string key_path_;  // of the current key
    std::unique_ptr<Connections> connections_;
    Head head_;
    std::optional<Doubt> doubt_;
    std::optional<Rekey> rekey_;
    std::optional<Entering> entering_;
    std::unique_ptr<Snapshot> snapshot_;  // of a backup
    mutable std::mutex keys_mutex_;
    StoreKeys keys_;  // under keys_mutex_
    std::vector<std::pair<std::shared_ptr<const void>, Result<Committed>>> remembered_;
    std::future<Result<void>> checking_;  // the pages of a large database, until it was awaited
    Result<void> checked_;                // what came of it
    int log_pages_ = 0;                   // in the log and not yet in the database
    std::optional<WallTime> pruned_at_;
    bool ballast_dropped_ = false;
    bool failing_ = false;  // said so in the log; the next success says that it is over
    mutable std::mutex trouble_mutex_;
    std::string trouble_;  // while failing_: the newest reason
    std::atomic<std::uint64_t> transactions_{0};
    std::atomic<std::uint64_t> changes_{0};
    std::atomic<std::uint64_t> checkpoints_{0};
    std::atomic<std::uint64_t> reopened_{0};
    std::atomic<bool> ballast_in_place_{false};
};

}  // namespace tb::storage
