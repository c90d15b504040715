// The TokenStore on a disk that survives crashes. A commit is applied to the disk at one moment and
// acknowledged at a later one; a crash in between leaves it applied or not. Commits can be slow,
// can fail (nothing applied), and can fail though they were applied. Beside the rows stands what
// was acknowledged, for the checkers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/token_store.hpp"
#include "tests/simulation/checker.hpp"
#include "tests/simulation/options.hpp"

namespace tb::sim {

struct Row {
    storage::AccountRecord record;
    SecretSet grant;
    std::vector<SecretSet> retired;
    Row copy() const;
};

// What the daemon was told of a row.
struct Acknowledged {
    std::uint64_t grant_version = 0;
    std::uint64_t generation = 0;
    std::optional<bool> paused;
};

struct Disk {
    std::map<storage::AccountId, Row> rows;
    storage::AccountId next_id = 1;
    std::map<storage::AccountId, Acknowledged> acknowledged;
    std::set<storage::AccountId> removed;                           // and acknowledged
    std::map<std::string, std::uint64_t, std::less<>> generations;  // of accounts, by name
    std::map<std::string, storage::AccountId, std::less<>> ids;
    Row* find(storage::AccountId account);
    Row* find(std::string_view name);
};

storage::Committed committed(const Row& row);
// Errors as TokenStore's.
Result<storage::Committed> apply_change(Disk& disk, storage::Change& change);

class SimStore final : public storage::TokenStore {
  public:
    SimStore(Disk& disk, SimClock& clock, SimRandom& random, const Options& options,
             Checker& checker);

    Result<void> load(std::function<void(storage::AccountRecord)> each) override;
    awaitable<Result<storage::Committed>> commit(std::shared_ptr<storage::Change> change) override;
    awaitable<Result<SecretSet>> open(storage::AccountId account) override;
    awaitable<Result<storage::Committed>> restore_retired(storage::AccountId account) override;
    awaitable<Result<SecretSet>> open_client_secrets(std::string client) override;
    awaitable<void> close() override;

    // Power cut: nothing has an effect any more; who waits is told that the store is closed.
    void crash();
    void set_down(bool down) { down_ = down; }
    // The disk is full: what needs new room fails, a successor still fits into the ballast.
    void set_full(bool full) { full_ = full; }
    // A successor was acknowledged: from now on its predecessor must never be sent again.
    std::function<void(std::string_view refresh_token)> on_acknowledged;
    // The daemon dropped a replacement that had this one.
    std::function<void(std::string_view refresh_token)> on_dropped;

  private:
    Result<storage::Committed> apply(storage::Change& change);
    void tell_dropped(storage::AccountId candidate) const;
    bool fails(const storage::Change& change);
    void told(const storage::Change& change, const storage::Committed& committed);
    awaitable<void> apply_late(std::shared_ptr<storage::Change> change);

    Disk& disk_;
    SimClock& clock_;
    SimRandom& random_;
    const Options& options_;
    Checker& checker_;
    bool dead_ = false;
    bool down_ = false;
    bool full_ = false;
    BootTime last_applied_{};
    // Failed, but on the disk: what the next try with the same object is answered.
    std::map<const storage::Change*, storage::Committed> done_already_;
    std::optional<Row> undo_;  // of a disk that lies
};

}  // namespace tb::sim
