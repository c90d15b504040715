// What one Change does to the rows, inside the transaction of its group.
#pragma once

#include "storage/records.hpp"
#include "storage/rows.hpp"

namespace tb::storage {

class Applier {
  public:
    // `room_reserved`: the ballast is in place, so Intend may be promised a successor.
    Applier(Rows& rows, Sum& sum, WallTime now, bool room_reserved)
        : rows_(rows), sum_(sum), now_(now), room_reserved_(room_reserved) {}

    // Reads `change` and never changes it. An error of the change itself (superseded, not_found,
    // account_exists, invalid_parameter, damaged row, storage for Intend without room) leaves no
    // trace if the caller goes back to his savepoint and sum. A failure of SQLite sticks to the
    // database and counts for the whole group.
    Result<Committed> apply(const Change& change);
    // changes_retired.cpp
    Result<Committed> restore_retired(AccountId account);
    // Retired grants older than limits::retired_grants_kept_ms; returns how many went.
    Result<int> prune_retired();

    Result<Committed> operator()(const AddAccount& change);
    Result<Committed> operator()(const Intend& change);
    Result<Committed> operator()(const Renewed& change);
    Result<Committed> operator()(const SetState& change);
    Result<Committed> operator()(const SetPaused& change);
    Result<Committed> operator()(const ReplaceGrant& change);
    Result<Committed> operator()(const Promote& change);
    Result<Committed> operator()(const RemoveAccount& change);
    Result<Committed> operator()(const Touch& change);
    Result<Committed> operator()(const SetClientSecret& change);
    Result<Committed> operator()(const RestoreAccount& change);  // changes_restore.cpp

  private:
    static void heal(AccountRecord& record);
    Result<AccountRow> current(AccountId account, std::uint64_t grant_version);
    Result<Committed> updated(AccountRow& row);
    void set_token(AccountRow& row, const TokenRecord& token);
    Result<void> retire(const AccountRow& row);
    Result<void> remove(const AccountRow& row);
    Result<void> remove_candidate(AccountId account);  // if it has one

    Rows& rows_;
    Sum& sum_;
    WallTime now_;
    bool room_reserved_;
};

}  // namespace tb::storage
