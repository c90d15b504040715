// An account out of a backup. What must stay true: a grant that rotated since the backup was made
// is spent, so an older one never takes the place of a newer; where nothing tells which is newer,
// the one that is there stays.
#include <fmt/core.h>

#include <algorithm>

#include "storage/changes.hpp"

namespace tb::storage {
namespace {

bool surely_newer(const AccountRecord& given, const AccountRecord& there) {
    return given.provider == there.provider && given.grant_version > there.grant_version &&
           given.grant_obtained_at > there.grant_obtained_at;
}

// All but what identifies the row, and its versions.
void take_over(AccountRecord& r, const AccountRecord& given) {
    r.attributes = given.attributes;
    r.paused = given.paused;
    r.state = given.state;
    r.reason = given.reason;
    r.grant_obtained_at = given.grant_obtained_at;
    r.grant_expires_at = given.grant_expires_at;
    r.intent = given.intent;
}

}  // namespace

Result<Committed> Applier::operator()(const RestoreAccount& change) {
    const AccountRecord& given = change.account;
    if (!room_reserved_)
        return Error{errc::storage,
                     fmt::format("{}: no disk room can be reserved for grants that are on their "
                                 "way, so this one is not put back; free some disk space",
                                 given.name)};
    const std::optional<AccountId> id = rows_.id_of(given.name);
    AccountRow row;
    AccountRecord& r = row.record;
    const auto answer = [&r](Restored what) {
        Committed out;
        out.account = r.id;
        out.grant_version = r.grant_version;
        out.grant_fingerprint = r.grant_fingerprint;
        out.generation = r.generation;
        out.restored = what;
        return out;
    };
    std::optional<TokenRecord> token;
    if (given.token) token = given.token->copy();
    if (id) {
        Result<AccountRow> there = rows_.account(*id);
        if (!there) return there.error();
        row = std::move(*there);
        if (r.grant_fingerprint == rows_.fingerprint(change.grant)) return answer(Restored::same);
        if (!surely_newer(given, r)) return answer(Restored::kept);
        if (auto kept = retire(row); !kept) return kept.error();
        r.grant_version = std::max(r.grant_version + 1, given.grant_version);
        r.generation = std::max(r.generation + 1, given.generation);
        if (token) token->generation = r.generation;  // nobody was given one of that number
    } else {
        r.id = rows_.next_id();
        r.name = given.name;
        r.provider = given.provider;
        r.grant_version = std::max<std::uint64_t>(given.grant_version, 1);
        r.generation = given.generation;
    }
    take_over(r, given);
    rows_.seal_grant(row, change.grant);
    if (r.intent) r.intent->fingerprint = r.grant_fingerprint;
    row.token_generation.reset();
    row.token.clear();
    if (token) set_token(row, *token);
    if (id)
        rows_.update(row, sum_);
    else
        rows_.insert(row, sum_);
    if (given.last_used) rows_.touch(r.id, *given.last_used);
    return answer(id ? Restored::replaced : Restored::added);
}

}  // namespace tb::storage
