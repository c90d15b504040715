// The rules of each change, in one place. Every one first reads and checks, then writes; whoever
// sends a grant relies on grant_version: a change made for an older grant never touches a newer.
#include "storage/changes.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace tb::storage {
namespace {

Committed committed(const AccountRecord& record) {
    Committed out;
    out.account = record.id;
    out.grant_version = record.grant_version;
    out.grant_fingerprint = record.grant_fingerprint;
    out.attempts = record.intent ? record.intent->attempts : 0;
    out.generation = record.generation;
    return out;
}

Error exists(std::string message) {
    return Error{errc::account_exists, std::move(message)};
}

}  // namespace

void Applier::heal(AccountRecord& record) {
    record.state = GrantState::good;
    record.reason.clear();
    record.intent.reset();
}

Result<Committed> Applier::apply(const Change& change) {
    return std::visit(*this, change);
}

Result<AccountRow> Applier::current(AccountId account, std::uint64_t grant_version) {
    Result<AccountRow> row = rows_.account(account);
    if (row && row->record.grant_version != grant_version)
        return Error{errc::superseded,
                     fmt::format("{}: a newer grant is there (version {}, not {}); the change was "
                                 "not made",
                                 row->record.name, row->record.grant_version, grant_version)};
    return row;
}

Result<Committed> Applier::updated(AccountRow& row) {
    rows_.update(row, sum_);
    return committed(row.record);
}

void Applier::set_token(AccountRow& row, const TokenRecord& token) {
    rows_.seal_token(row, token);
    row.record.generation = std::max(row.record.generation, token.generation);
}

Result<void> Applier::remove_candidate(AccountId account) {
    const auto candidate = rows_.candidate_of(account);
    if (!candidate) return {};
    const Result<AccountRow> row = rows_.account(*candidate);
    if (!row) return row.error();
    return remove(*row);
}

// With its retired grants; a candidate for it goes first.
Result<void> Applier::remove(const AccountRow& row) {
    if (auto removed = remove_candidate(row.record.id); !removed) return removed.error();
    const Result<std::vector<RetiredRow>> retired = rows_.retired(row.record.id);
    if (!retired) return retired.error();
    for (const RetiredRow& old : *retired)
        rows_.remove(old, sum_);
    rows_.remove(row, sum_);
    return {};
}

Result<Committed> Applier::operator()(const AddAccount& change) {
    const AccountRecord& given = change.account;
    if (given.candidate_for) {
        const Result<AccountRow> target = rows_.account(*given.candidate_for);
        if (!target) return target.error();
        if (target->record.candidate_for)
            return Error{errc::invalid_parameter,
                         fmt::format("{}: a candidate can't have a candidate", given.name)};
        // One that is there did not prove itself, or its enrolment was reported as failed: who asks
        // for this change has seen to it that none is at work.
        if (auto removed = remove_candidate(*given.candidate_for); !removed) return removed.error();
    } else if (rows_.id_of(given.name)) {
        return exists(fmt::format("{}: there is such an account already", given.name));
    }
    AccountRow row;
    AccountRecord& r = row.record;
    r.id = rows_.next_id();
    r.name = given.name;
    r.candidate_for = given.candidate_for;
    r.provider = given.provider;
    r.attributes = given.attributes;
    r.paused = given.paused;
    r.state = given.state;
    r.reason = given.reason;
    r.grant_version = std::max<std::uint64_t>(given.grant_version, 1);
    r.grant_obtained_at = given.grant_obtained_at;
    r.grant_expires_at = given.grant_expires_at;
    r.generation = given.generation;
    rows_.seal_grant(row, change.grant);
    if (change.must_differ && given.candidate_for) {
        const Result<AccountRow> target = rows_.account(*given.candidate_for);
        if (target && target->record.state != GrantState::login_required &&
            target->record.grant_fingerprint == r.grant_fingerprint)
            return Error{errc::superseded, given.name + ": it has this grant already"};
    }
    if (given.token) set_token(row, *given.token);
    rows_.insert(row, sum_);
    if (given.last_used) rows_.touch(r.id, *given.last_used);
    return committed(r);
}

Result<Committed> Applier::operator()(const Intend& change) {
    Result<AccountRow> row = current(change.account, change.grant_version);
    if (!row) return row.error();
    AccountRecord& r = row->record;
    if (!room_reserved_)
        return Error{errc::storage,
                     fmt::format("{}: no disk room can be reserved for the next grant, so this one "
                                 "is not sent; free some disk space",
                                 r.name)};
    if (!r.intent) r.intent = IntentRecord{r.grant_fingerprint, change.at, 0};
    ++r.intent->attempts;
    return updated(*row);
}

Result<Committed> Applier::operator()(const Renewed& change) {
    Result<AccountRow> row = current(change.account, change.grant_version);
    if (!row) return row.error();
    AccountRecord& r = row->record;
    if (change.new_grant) {
        ++r.grant_version;
        rows_.seal_grant(*row, *change.new_grant);
        r.grant_obtained_at = change.grant_obtained_at;
        r.grant_expires_at = change.grant_expires_at;
    } else if (change.grant_expires_at) {
        r.grant_expires_at = change.grant_expires_at;  // the same grant, its life prolonged
    }
    set_token(*row, change.token);
    heal(r);
    return updated(*row);
}

Result<Committed> Applier::operator()(const SetState& change) {
    Result<AccountRow> row = current(change.account, change.grant_version);
    if (!row) return row.error();
    if (change.retire_grant)
        if (auto retired = retire(*row); !retired) return retired.error();
    row->record.state = change.state;
    row->record.reason = change.reason;
    if (change.clear_intent) row->record.intent.reset();
    if (change.drop_grant) {
        ++row->record.grant_version;
        rows_.seal_grant(*row, SecretSet());
        row->record.grant_expires_at.reset();
        row->token_generation.reset();
        row->token.clear();
    }
    return updated(*row);
}

Result<Committed> Applier::operator()(const SetPaused& change) {
    Result<AccountRow> row = rows_.account(change.account);
    if (!row) return row.error();
    row->record.paused = change.paused;
    return updated(*row);
}

Result<Committed> Applier::operator()(const ReplaceGrant& change) {
    Result<AccountRow> row = rows_.account(change.account);
    if (!row) return row.error();
    if (auto removed = remove_candidate(change.account); !removed) return removed.error();
    AccountRecord& r = row->record;
    ++r.grant_version;
    rows_.seal_grant(*row, change.grant);
    r.grant_obtained_at = change.grant_obtained_at;
    r.grant_expires_at = change.grant_expires_at;
    r.attributes = change.attributes;
    row->token_generation.reset();
    row->token.clear();
    if (change.token) {
        TokenRecord token = change.token->copy();
        token.generation = std::max(r.generation + 1, token.generation);
        set_token(*row, token);
    }
    heal(r);
    return updated(*row);
}

Result<Committed> Applier::operator()(const Promote& change) {
    Result<AccountRow> row = rows_.account(change.account);
    if (!row) return row.error();
    const Result<AccountRow> candidate = rows_.account(change.candidate);
    if (!candidate) return candidate.error();
    const AccountRecord& proved = candidate->record;
    AccountRecord& r = row->record;
    if (proved.candidate_for != change.account)
        return Error{errc::not_found,
                     fmt::format("{}: the account with id {} is no candidate for it", r.name,
                                 change.candidate)};
    const Result<SecretSet> grant = rows_.open_grant(*candidate);
    if (!grant) return grant.error();
    std::optional<TokenRecord> token;
    if (candidate->token_generation) {
        Result<TokenRecord> opened = rows_.open_token(*candidate);
        if (!opened) return opened.error();
        token = std::move(*opened);
        token->generation = std::max(r.generation + 1, token->generation);
    }
    if (auto retired = retire(*row); !retired) return retired.error();
    if (auto removed = remove(*candidate); !removed) return removed.error();

    ++r.grant_version;
    rows_.seal_grant(*row, *grant);
    r.grant_obtained_at = proved.grant_obtained_at;
    r.grant_expires_at = proved.grant_expires_at;
    r.attributes = proved.attributes;
    r.state = proved.state;  // with what is known of this grant, an open intent too
    r.reason = proved.reason;
    r.intent = proved.intent;
    row->token_generation.reset();
    row->token.clear();
    if (token) set_token(*row, *token);
    return updated(*row);
}

Result<Committed> Applier::operator()(const RemoveAccount& change) {
    const Result<AccountRow> row = rows_.account(change.account);
    if (!row) return row.error();
    if (auto removed = remove(*row); !removed) return removed.error();
    return committed(row->record);
}

Result<Committed> Applier::operator()(const Touch& change) {
    for (const auto& [account, used] : change.last_used)  // one that is gone is left out
        rows_.touch(account, used);
    return Committed{};
}

Result<Committed> Applier::operator()(const SetClientSecret& change) {
    const Result<std::vector<ClientSecretRow>> all = rows_.client_secrets(change.client);
    if (!all) return all.error();
    const auto before = std::find_if(
        all->begin(), all->end(), [&change](const auto& row) { return row.name == change.name; });
    const bool there = before != all->end();
    if (there && change.only_if_missing) {
        Committed kept;
        kept.restored = Restored::kept;
        return kept;
    }
    if (change.value.empty()) {
        if (there) rows_.remove(*before, sum_);
        return Committed{};
    }
    ClientSecretRow row;
    row.client = change.client;
    row.name = change.name;
    row.version = there ? before->version + 1 : 1;
    rows_.seal_value(row, change.value);
    rows_.put(row, sum_, there ? &*before : nullptr);
    Committed out;
    if (change.only_if_missing) out.restored = Restored::added;
    return out;
}

}  // namespace tb::storage
