// See sim_store.hpp.
#include "tests/simulation/sim_store.hpp"

#include <algorithm>

namespace tb::sim {

using namespace storage;

Row Row::copy() const {
    Row to;
    to.record = record.copy();
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
        each(row.record.copy());
    return {};
}

bool SimStore::fails(const Change& change) {
    if (down_ || random_.chance(options_.faults.commit_fails)) return true;
    return full_ && !std::holds_alternative<Renewed>(change);
}

// With its account it goes by an operator's word.
void SimStore::tell_dropped(AccountId candidate) const {
    const Row* row = disk_.find(candidate);
    if (row == nullptr || !row->record.candidate_for || !on_dropped) return;
    if (const Secret* token = row->grant.find("refresh_token")) on_dropped(token->view());
}

Result<Committed> SimStore::apply(Change& change) {
    if (options_.canary == Canary::thrown_away && std::holds_alternative<Promote>(change))
        change = RemoveAccount{std::get<Promote>(change).candidate};
    auto* renewed = std::get_if<Renewed>(&change);
    if (options_.canary == Canary::old_grant_back && renewed != nullptr && renewed->new_grant)
        if (const Row* row = disk_.find(renewed->account)) renewed->new_grant = row->grant.copy();
    if (const auto* removal = std::get_if<RemoveAccount>(&change)) {
        tell_dropped(removal->account);
        disk_.acknowledged.erase(removal->account);
    }
    if (auto* pausing = std::get_if<SetPaused>(&change))
        disk_.acknowledged[pausing->account].paused.reset();
    if (auto* promotion = std::get_if<Promote>(&change))
        disk_.acknowledged.erase(promotion->candidate);
    Result<Committed> result = apply_change(disk_, change);
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
        const bool gone = std::holds_alternative<RemoveAccount>(*change);
        if (gone) {
            // and that is all there is to say of it
        } else if (row == nullptr || row->record.grant_version != result->grant_version)
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
    const bool may_be_tried_again = successor_of_account ||
                                    std::holds_alternative<Promote>(*change) ||
                                    std::holds_alternative<AddAccount>(*change) ||
                                    std::holds_alternative<RemoveAccount>(*change);
    if (result && may_be_tried_again && random_.chance(options_.faults.commit_fails_applied)) {
        ++checker_.counts.failed_commits;
        done_already_[change.get()] = *result;
        Error unsure{errc::storage, "fsync: input/output error (simulated)"};
        unsure.in_doubt = true;
        co_return unsure;
    }
    const Millis answer_ms(
        random_.between(0, std::min<std::int64_t>(2, options_.faults.commit_ms_max)));
    const bool later = answer_ms.count() > 0;
    if (later) co_await sleep_until(clock_, clock_.now() + answer_ms);
    if (dead_) co_return closed;
    if (result) told(*change, *result);
    if (result && !successor.empty() && on_acknowledged) on_acknowledged(successor);
    co_return result;
}

awaitable<Result<SecretSet>> SimStore::open(AccountId account) {
    const Millis answer_ms(
        random_.between(0, std::min<std::int64_t>(1, options_.faults.commit_ms_max)));
    const bool later = answer_ms.count() > 0;
    if (later) co_await sleep_until(clock_, clock_.now() + answer_ms);
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
