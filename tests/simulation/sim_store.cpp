// See sim_store.hpp. The rules of each change are those of storage/records.hpp.
#include "tests/simulation/sim_store.hpp"

#include <algorithm>

namespace tb::sim {

using namespace storage;

namespace {

AccountRecord copy_of(const AccountRecord& from) {
    AccountRecord to;
    to.id = from.id;
    to.name = from.name;
    to.candidate_for = from.candidate_for;
    to.provider = from.provider;
    to.attributes = from.attributes;
    to.paused = from.paused;
    to.state = from.state;
    to.reason = from.reason;
    to.grant_version = from.grant_version;
    to.grant_fingerprint = from.grant_fingerprint;
    to.grant_obtained_at = from.grant_obtained_at;
    to.grant_expires_at = from.grant_expires_at;
    to.generation = from.generation;
    to.last_used = from.last_used;
    to.intent = from.intent;
    if (from.token) to.token = from.token->copy();
    return to;
}

Committed committed(const Row& row) {
    Committed out;
    out.account = row.record.id;
    out.grant_version = row.record.grant_version;
    out.generation = row.record.generation;
    if (row.record.intent) out.attempts = row.record.intent->attempts;
    return out;
}

// Applies one change; nullptr rows are not_found.
struct Applier {
    Disk& disk;

    Row* find(AccountId id) const {
        const auto found = disk.rows.find(id);
        return found == disk.rows.end() ? nullptr : &found->second;
    }
    Result<Committed> operator()(AddAccount& change) const {
        for (const auto& [id, row] : disk.rows)
            if (row.record.name == change.account.name &&
                row.record.candidate_for == change.account.candidate_for)
                return Error{errc::account_exists, change.account.name};
        Row row;
        row.record = copy_of(change.account);
        row.record.id = disk.next_id++;
        row.grant = change.grant.copy();
        const Committed out = committed(row);
        disk.rows.emplace(row.record.id, std::move(row));
        return out;
    }
    Result<Committed> operator()(Intend& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        if (row->record.grant_version != change.grant_version)
            return Error{errc::superseded, "newer grant"};
        if (!row->record.intent) row->record.intent = IntentRecord{"", change.at, 0};
        ++row->record.intent->attempts;
        return committed(*row);
    }
    Result<Committed> operator()(Renewed& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        if (row->record.grant_version != change.grant_version)
            return Error{errc::superseded, "newer grant"};
        if (change.new_grant) {
            row->grant = change.new_grant->copy();
            ++row->record.grant_version;
            row->record.grant_obtained_at = change.grant_obtained_at;
        }
        row->record.grant_expires_at = change.grant_expires_at;
        row->record.generation = change.token.generation;
        row->record.token = change.token.copy();
        row->record.intent.reset();
        row->record.state = GrantState::good;
        row->record.reason.clear();
        return committed(*row);
    }
    Result<Committed> operator()(SetState& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        if (row->record.grant_version != change.grant_version)
            return Error{errc::superseded, "newer grant"};
        row->record.state = change.state;
        row->record.reason = change.reason;
        if (change.clear_intent) row->record.intent.reset();
        if (change.retire_grant) row->retired.push_back(row->grant.copy());
        return committed(*row);
    }
    Result<Committed> operator()(SetPaused& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        row->record.paused = change.paused;
        return committed(*row);
    }
    Result<Committed> operator()(ReplaceGrant& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        row->grant = change.grant.copy();
        ++row->record.grant_version;
        row->record.grant_obtained_at = change.grant_obtained_at;
        row->record.grant_expires_at = change.grant_expires_at;
        row->record.attributes = change.attributes;
        row->record.state = GrantState::good;
        row->record.intent.reset();
        if (change.token) {
            row->record.generation = change.token->generation;
            row->record.token = change.token->copy();
        }
        return committed(*row);
    }
    Result<Committed> operator()(Promote& change) const {
        Row* row = find(change.account);
        Row* candidate = find(change.candidate);
        if (row == nullptr || candidate == nullptr) return Error{errc::not_found, "gone"};
        row->retired.push_back(std::move(row->grant));
        row->grant = std::move(candidate->grant);
        ++row->record.grant_version;
        const std::uint64_t generation =
            std::max(row->record.generation + 1, candidate->record.generation);
        AccountRecord proved = copy_of(candidate->record);
        proved.id = row->record.id;
        proved.candidate_for.reset();
        proved.grant_version = row->record.grant_version;
        proved.generation = generation;
        if (proved.token) proved.token->generation = generation;
        proved.paused = row->record.paused;
        row->record = std::move(proved);
        disk.rows.erase(change.candidate);
        return committed(*row);
    }
    Result<Committed> operator()(RemoveAccount& change) const {
        if (find(change.account) == nullptr) return Error{errc::not_found, "gone"};
        std::erase_if(disk.rows, [&](const auto& entry) {
            return entry.second.record.candidate_for == change.account;
        });
        disk.rows.erase(change.account);
        return Committed{};
    }
    Result<Committed> operator()(Touch& change) const {
        for (const auto& [id, at] : change.last_used)
            if (Row* row = find(id)) row->record.last_used = at;
        return Committed{};
    }
    Result<Committed> operator()(SetClientSecret&) const { return Committed{}; }
    // No scenario restores a backup yet; by the rules that is an addition or nothing.
    Result<Committed> operator()(RestoreAccount& change) const {
        AddAccount addition{copy_of(change.account), change.grant.copy()};
        return (*this)(addition);
    }
};

}  // namespace

Row Row::copy() const {
    Row to;
    to.record = copy_of(record);
    to.grant = grant.copy();
    for (const SecretSet& one : retired)
        to.retired.push_back(one.copy());
    return to;
}

SimStore::SimStore(Disk& disk, SimClock& clock, SimRandom& random, const Options& options,
                   Checker& checker)
    : disk_(disk), clock_(clock), random_(random), options_(options), checker_(checker) {}

Result<void> SimStore::load(std::function<void(AccountRecord)> each) {
    for (const auto& [id, row] : disk_.rows)
        each(copy_of(row.record));
    return {};
}

Row* SimStore::find(AccountId account) {
    const auto found = disk_.rows.find(account);
    return found == disk_.rows.end() ? nullptr : &found->second;
}

awaitable<Result<Committed>> SimStore::commit(std::shared_ptr<Change> change) {
    ++checker_.counts.commits;
    const Error closed{errc::closed, "the store is closed"};
    // In order: a commit is never applied before one that was asked for earlier.
    const BootTime applied = std::max(
        last_applied_, clock_.now() + Millis{random_.between(0, options_.faults.commit_ms_max)});
    last_applied_ = applied;
    co_await sleep_until(clock_, applied);
    if (dead_) co_return closed;
    if (down_ || random_.chance(options_.faults.commit_fails)) {
        ++checker_.counts.failed_commits;
        const Error full{errc::storage, "database or disk is full (simulated)"};
        co_return full;
    }
    std::string successor;
    if (auto* renewed = std::get_if<Renewed>(change.get());
        renewed != nullptr && renewed->new_grant)
        if (const Secret* token = renewed->new_grant->find("refresh_token"))
            successor = token->view();
    const bool lies = options_.canary == Canary::store_lies && !successor.empty();
    Result<Committed> result =
        lies ? Result<Committed>(Committed{}) : std::visit(Applier{disk_}, *change);
    if (lies) {
        const AccountId id = std::get<Renewed>(*change).account;
        if (const Row* row = find(id)) result = committed(*row);
        result->grant_version += 1;
    }
    const Millis answer_ms(random_.between(0, 2));
    co_await sleep_until(clock_, clock_.now() + answer_ms);
    if (dead_) co_return closed;
    if (result && !successor.empty() && on_acknowledged) on_acknowledged(successor);
    co_return result;
}

awaitable<Result<SecretSet>> SimStore::open(AccountId account) {
    const Millis answer_ms(random_.between(0, 1));
    co_await sleep_until(clock_, clock_.now() + answer_ms);
    const Row* row = find(account);
    const Error gone{dead_ ? errc::closed : errc::not_found, "no such account"};
    if (dead_ || row == nullptr) co_return gone;
    co_return row->grant.copy();
}

awaitable<Result<Committed>> SimStore::restore_retired(AccountId account) {
    Row* row = find(account);
    const Error gone{errc::not_found, "nothing retired"};
    if (dead_ || row == nullptr || row->retired.empty()) co_return gone;
    row->grant = std::move(row->retired.back());
    row->retired.pop_back();
    ++row->record.grant_version;
    row->record.state = GrantState::good;
    co_return committed(*row);
}

awaitable<Result<SecretSet>> SimStore::open_client_secrets(std::string) {
    co_return SecretSet();
}

awaitable<void> SimStore::close() {
    dead_ = true;
    co_return;
}

}  // namespace tb::sim
