// Grants that another took the place of, or that were refused: kept sealed for a while, the same
// one once, so that an operator who was told the wrong thing can have one back.
#include <fmt/core.h>

#include "base/limits.hpp"
#include "storage/changes.hpp"

namespace tb::storage {

Result<void> Applier::retire(const AccountRow& row) {
    const Result<SecretSet> grant = rows_.open_grant(row);
    if (!grant) return grant.error();
    const Result<std::vector<RetiredRow>> before = rows_.retired(row.record.id);
    if (!before) return before.error();
    for (const RetiredRow& old : *before)  // the same grant is kept once
        if (old.fingerprint == row.record.grant_fingerprint) rows_.remove(old, sum_);
    RetiredRow retired;
    retired.account = row.record.id;
    retired.grant_version = row.record.grant_version;
    retired.retired_at = now_;
    rows_.seal_grant(retired, *grant);
    rows_.insert(retired, sum_);
    return {};
}

Result<Committed> Applier::restore_retired(AccountId account) {
    Result<AccountRow> row = rows_.account(account);
    if (!row) return row.error();
    AccountRecord& r = row->record;
    const Result<std::vector<RetiredRow>> retired = rows_.retired(account);
    if (!retired) return retired.error();
    if (retired->empty())
        return Error{errc::not_found, fmt::format("{}: no retired grant is kept", r.name)};
    const RetiredRow& newest = retired->front();
    const Result<SecretSet> grant = rows_.open_grant(newest, r.name);
    if (!grant) return grant.error();
    rows_.remove(newest, sum_);
    // What it takes the place of is kept in turn, unless it is the same.
    if (newest.fingerprint != r.grant_fingerprint)
        if (auto kept = retire(*row); !kept) return kept.error();
    ++r.grant_version;
    rows_.seal_grant(*row, *grant);
    r.grant_expires_at.reset();  // not known of a retired one
    heal(r);
    return updated(*row);
}

Result<int> Applier::prune_retired() {
    const Result<std::vector<RetiredRow>> retired = rows_.all_retired();
    if (!retired) return retired.error();
    int pruned = 0;
    for (const RetiredRow& row : *retired) {
        if (row.retired_at + limits::retired_grants_kept_ms > now_) continue;
        rows_.remove(row, sum_);
        ++pruned;
    }
    return pruned;
}

}  // namespace tb::storage
