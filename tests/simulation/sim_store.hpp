// The TokenStore on a disk that survives crashes. A commit is applied to the disk at one moment and
// acknowledged at a later one; a crash in between leaves it applied or not. Commits can be slow and
// can fail (nothing applied).
#pragma once

#include <map>
#include <memory>
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

struct Disk {
    std::map<storage::AccountId, Row> rows;
    storage::AccountId next_id = 1;
};

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
    void crash() { dead_ = true; }
    void set_down(bool down) { down_ = down; }
    // A successor was acknowledged: from now on its predecessor must never be sent again.
    std::function<void(std::string_view refresh_token)> on_acknowledged;

  private:
    Result<storage::Committed> apply(storage::Change& change);
    Row* find(storage::AccountId account);

    Disk& disk_;
    SimClock& clock_;
    SimRandom& random_;
    const Options& options_;
    Checker& checker_;
    bool dead_ = false;
    bool down_ = false;
    BootTime last_applied_{};
};

}  // namespace tb::sim
