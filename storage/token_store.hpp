// The TokenStore seam. The real one is a thread that owns SQLite and groups waiting commits; the
// simulation's can crash.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/async.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "storage/records.hpp"

namespace tb::storage {

// What is known of the master key, for status.
struct StoreKeys {
    std::string id;    // 16 hex digits; says nothing of the key
    std::string path;  // where it was read
    bool changing = false;
    std::size_t resealed = 0;  // rows that this change has taken along since the start
    bool waits_for_stop = false;
    std::string trouble;  // why it does not get on
};

// One turn of a backup: the caller's key and header, the store's sealed bytes.
struct BackupAsk {
    enum class Turn { start, next, end };
    Turn turn = Turn::start;
    Secret key;          // of start
    std::string header;  // of start
    // Of the answer:
    std::string bytes{};
    bool last = false;  // nothing follows, the snapshot is closed
    std::uint64_t accounts = 0;
    std::uint64_t client_secrets = 0;
};

class TokenStore {
  public:
    virtual ~TokenStore() = default;

    // Once, before anything else, blocking: every account, candidates too, each row read once.
    // Tokens are opened, grants are not. `each` runs on the caller's thread, while the store's
    // reads on. After an error, forget what `each` was given.
    virtual Result<void> load(std::function<void(AccountRecord)> each) = 0;

    // All called on the brain, all resume on the brain, in order of the calls for one account.
    // Errors: storage (disk full, I/O error: nothing was changed, may be tried again; with in_doubt
    // it may be written all the same, which the same object asked again finds out), superseded,
    // not_found, account_exists, too_many_requests (queue is full), invalid_parameter (the tables
    // don't take it), damaged, closed. The change is left whole unless the commit succeeds: after
    // errc::storage the caller still holds the successor, and tries again with the same object,
    // untouched: should it turn out that the failed commit reached the disk, the store knows it by
    // its address and answers what it did then, instead of doing it twice.
    virtual awaitable<Result<Committed>> commit(std::shared_ptr<Change> change) = 0;
    // The grant of an account, for one exchange.
    virtual awaitable<Result<SecretSet>> open(AccountId account) = 0;
    // The most recent retired grant, for `resume --try-retired`: it becomes the account's grant
    // again, as a new version with state good; it is no longer among the retired ones, but the
    // grant it replaces is (if it is another).
    virtual awaitable<Result<Committed>> restore_retired(AccountId account) = 0;
    // All stored secrets of a client, by name. Empty if there are none.
    virtual awaitable<Result<SecretSet>> open_client_secrets(std::string client) = 0;
    // What an operator must know of the disk now, with what to do; empty when all is well. It is
    // found out without a change to commit, too, and ends by itself when the disk is well again.
    virtual std::string trouble() const { return {}; }
    // A new master key is in force when this returns; every row goes over to it in the background,
    // between other commits, also after a restart (keys() tells). errc::config: why not now.
    virtual awaitable<Result<void>> rekey() { co_return not_kept_here(); }
    virtual StoreKeys keys() const { return {}; }
    // A consistent snapshot, sealed piece by piece under the caller's key: start, then next until
    // `last`; end gives up. One at a time. errc::config: why not now; damaged.
    virtual awaitable<Result<void>> backup(std::shared_ptr<BackupAsk>) {
        co_return not_kept_here();
    }
    // Everything queued is committed and the database closed. What is called after is answered
    // errc::closed.
    virtual awaitable<void> close() = 0;

  private:
    // A store that only lives in memory (tests) has no key and no backup.
    static Error not_kept_here() { return {errc::config, "this store has no files"}; }
};

struct SqliteOptions {
    std::string state_dir;  // must exist, 0700; holds tokenbroker.db, lock, ballast, and master.key
                            // if that is where the key is
    std::string
        credentials_dir;  // $CREDENTIALS_DIRECTORY, or empty: a file "master-key" in it is the key
    Millis group_wait_ms{0};  // wait this long for more to commit together; 0 = whatever is queued
    // When a grant was retired, and whether its time is over. Called on the store's thread; empty =
    // the system's clock as SQLite reads it.
    std::function<WallTime()> wall_now{};
};

// Opens, locks, checks and migrates; blocking. Errors: locked, damaged, too_new, key_missing,
// storage, config (owner or permissions of the folder, the database or the key). Each message names
// the file and says what to do. `brain` is where commit() and the others are called and resumed.
// `random` is used in this call only (a new master key); nonces are drawn on the store's thread.
// Destroyed without close(), what is queued is not committed and answered errc::closed.
Result<std::unique_ptr<TokenStore>> open_sqlite_store(asio::any_io_executor brain,
                                                      SqliteOptions options, Random& random,
                                                      Log& log);

}  // namespace tb::storage
