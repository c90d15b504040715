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

    Row* find(AccountId id) const { return disk.find(id); }
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
        } else {
            row->record.token.reset();
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

Row* Disk::find(AccountId account) {
    const auto found = rows.find(account);
    return found == rows.end() ? nullptr : &found->second;
}

Row* Disk::find(std::string_view name) {
    const auto found = ids.find(name);
    return found == ids.end() ? nullptr : find(found->second);
}

SimStore::SimStore(Disk& disk, SimClock& clock, SimRandom& random, const Options& options,
                   Checker& checker)
    : disk_(disk), clock_(clock), random_(random), options_(options), checker_(checker) {
    for (const auto& [id, row] : disk_.rows) {
        if (row.record.candidate_for) continue;
        disk_.generations[row.record.name] = row.record.generation;
        disk_.ids[row.record.name] = id;
    }
}

void SimStore::crash() {
    dead_ = true;
    if (!undo_) return;
    if (Row* row = disk_.find(undo_->record.id)) *row = std::move(*undo_);
}

Result<void> SimStore::load(std::function<void(AccountRecord)> each) {
    for (const auto& [id, row] : disk_.rows)
        each(copy_of(row.record));
    return {};
}

bool SimStore::fails(const Change& change) {
    if (down_ || random_.chance(options_.faults.commit_fails)) return true;
    return full_ && !std::holds_alternative<Renewed>(change);
}

Result<Committed> SimStore::apply(Change& change) {
    auto* renewed = std::get_if<Renewed>(&change);
    if (options_.canary == Canary::old_grant_back && renewed != nullptr && renewed->new_grant)
        if (const Row* row = disk_.find(renewed->account)) renewed->new_grant = row->grant.copy();
    if (auto* removal = std::get_if<RemoveAccount>(&change))
        std::erase_if(disk_.acknowledged, [&](const auto& entry) {
            const Row* row = disk_.find(entry.first);
            return entry.first == removal->account ||
                   (row != nullptr && row->record.candidate_for == removal->account);
        });
    if (auto* pausing = std::get_if<SetPaused>(&change))
        disk_.acknowledged[pausing->account].paused.reset();
    if (auto* promotion = std::get_if<Promote>(&change))
        disk_.acknowledged.erase(promotion->candidate);
    Result<Committed> result = std::visit(Applier{disk_}, change);
    checker_.happened(2, (std::uint64_t{change.index()} << 32) |
                             (result ? static_cast<std::uint64_t>(result->account) : 0));
    if (!result) return result;
    const Row* row = disk_.find(result->account);
    if (row != nullptr && !row->record.candidate_for) {
        disk_.generations[row->record.name] = row->record.generation;
        disk_.ids[row->record.name] = result->account;
    }
    return result;
}

// From now on the checkers hold the disk to it.
void SimStore::told(const Change& change, const Committed& committed) {
    if (const auto* removal = std::get_if<RemoveAccount>(&change)) {
        disk_.removed.insert(removal->account);
        return;
    }
    if (disk_.find(committed.account) == nullptr) return;
    Acknowledged& known = disk_.acknowledged[committed.account];
    known.grant_version = std::max(known.grant_version, committed.grant_version);
    known.generation = std::max(known.generation, committed.generation);
    if (const auto* pausing = std::get_if<SetPaused>(&change)) known.paused = pausing->paused;
}

awaitable<void> SimStore::apply_late(std::shared_ptr<Change> change) {
    const Millis late{500};
    co_await sleep_until(clock_, clock_.now() + late);
    if (!dead_) (void)apply(*change);
}

awaitable<Result<Committed>> SimStore::commit(std::shared_ptr<Change> change) {
    ++checker_.counts.commits;
    const Error closed{errc::closed, "the store is closed"};
    // In order: a commit is never applied before one that was asked for earlier.
    const BootTime applied = std::max(
        last_applied_, clock_.now() + Millis{random_.between(0, options_.faults.commit_ms_max)});
    last_applied_ = applied;
    if (applied > clock_.now()) co_await sleep_until(clock_, applied);
    if (dead_) co_return closed;
    if (fails(*change)) {
        ++checker_.counts.failed_commits;
        const Error full{errc::storage, "database or disk is full (simulated)"};
        co_return full;
    }
    std::string successor;
    if (auto* renewed = std::get_if<Renewed>(change.get());
        renewed != nullptr && renewed->new_grant)
        if (const Secret* token = renewed->new_grant->find("refresh_token"))
            successor = token->view();
    Result<Committed> result = Committed{};
    const bool successor_of_account = std::holds_alternative<Renewed>(*change);
    if (options_.canary == Canary::lying_disk && successor_of_account)
        if (const Row* row = disk_.find(std::get<Renewed>(*change).account)) undo_ = row->copy();
    const auto before = done_already_.find(change.get());
    if (before != done_already_.end()) {
        result = before->second;
        done_already_.erase(before);
        const Row* row = disk_.find(result->account);
        if (row == nullptr || row->record.grant_version != result->grant_version)
            result = Error{errc::superseded, "newer grant"};
    } else if (options_.canary == Canary::early_ack && successor_of_account) {
        const Row* row = disk_.find(std::get<Renewed>(*change).account);
        result = row == nullptr ? Committed{} : committed(*row);
        result->grant_version += successor.empty() ? 0 : 1;
        result->generation = std::get<Renewed>(*change).token.generation;
        const auto executor = co_await asio::this_coro::executor;
        spawn(executor, "apply-late", apply_late(change));
        co_return result;
    } else {
        result = apply(*change);
    }
    const bool may_be_tried_again =
        successor_of_account || std::holds_alternative<Promote>(*change);
    if (result && may_be_tried_again && random_.chance(options_.faults.commit_fails_applied)) {
        ++checker_.counts.failed_commits;
        done_already_[change.get()] = *result;
        const Error unsure{errc::storage, "fsync: input/output error (simulated)"};
        co_return unsure;
    }
    const Millis answer_ms(random_.between(0, std::min<std::int64_t>(2, options_.faults.commit_ms_max)));
    if (answer_ms > Millis{0}) co_await sleep_until(clock_, clock_.now() + answer_ms);
    if (dead_) co_return closed;
    if (result) told(*change, *result);
    if (result && !successor.empty() && on_acknowledged) on_acknowledged(successor);
    co_return result;
}

awaitable<Result<SecretSet>> SimStore::open(AccountId account) {
    const Millis answer_ms(random_.between(0, std::min<std::int64_t>(1, options_.faults.commit_ms_max)));
    if (answer_ms > Millis{0}) co_await sleep_until(clock_, clock_.now() + answer_ms);
    const Row* row = disk_.find(account);
    const Error gone{dead_ ? errc::closed : errc::not_found, "no such account"};
    if (dead_ || row == nullptr) co_return gone;
    co_return row->grant.copy();
}

awaitable<Result<Committed>> SimStore::restore_retired(AccountId account) {
    Row* row = disk_.find(account);
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
