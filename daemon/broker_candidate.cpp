// Replacing a grant: the new one first proves itself as a candidate, a row of its own that is
// renewed like an account but never handed out. Only then it takes the place of the old, in one
// commit. An old exchange that comes back later finds itself superseded.
#include <utility>

#include "base/limits.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {

void Broker::prove(const std::shared_ptr<Account>& candidate, Millis timeout, Waiter::Done done) {
    candidates_[candidate->candidate_of->id] = candidate;
    kick(candidate, timeout, std::move(done));
}

const Account* Broker::candidate_for(const Account& account) const {
    const auto found = candidates_.find(account.id);
    return found == candidates_.end() ? nullptr : found->second.get();
}

void Broker::forget_candidate_of(const Account& account) {
    const auto found = candidates_.find(account.id);
    if (found == candidates_.end()) return;
    const std::shared_ptr<Account> candidate = found->second;
    candidates_.erase(found);
    heap_.remove(*candidate);
    if (std::exchange(candidate->removed, true)) return;
    // What an exchange of it still brings finds no row to take it, and is given back.
    const std::string_view why = account.removed ? "was removed" : "something newer took its place";
    answer_operators(candidate->slot,
                     Error{errc::provider_unavailable, fmt::format("{}: {}", account.name, why)});
}

awaitable<bool> Broker::promote(std::shared_ptr<Attempt> attempt) {
    const std::shared_ptr<Account> candidate = attempt->account;
    const std::shared_ptr<Account> account = candidate->candidate_of;
    auto change = std::make_shared<storage::Change>(storage::Promote{candidate->id, account->id});
    const Result<storage::Committed> stored = co_await commit_until_durable(attempt, change);
    heap_.remove(*candidate);
    if (candidate_for(*account) == candidate.get()) candidates_.erase(account->id);
    candidate->removed = true;
    if (!stored) {
        deps_.log.error("{}: the proved new grant could not take its place: {}", account->name,
                        stored.error().message);
        const Error error{errc::storage, stored.error().message};
        answer_operators(candidate->slot, error);
        co_return false;
    }
    account->grant_version = stored->grant_version;
    account->grant_obtained_at = candidate->grant_obtained_at;
    account->grant_expires_at = candidate->grant_expires_at;
    account->attributes = candidate->attributes;
    account->state = storage::GrantState::good;
    account->reason.clear();
    account->intent.reset();
    // The store's number: the account may have been renewed while its candidate proved itself, and
    // what takes its place is newer than all of that.
    account->newest_generation = std::max(account->newest_generation, stored->generation);
    account->slot.hand_out = std::move(candidate->slot.hand_out);
    if (stored->generation != candidate->slot.generation)
        account->slot.hand_out.renumber(stored->generation);
    account->slot.sent_at = candidate->slot.sent_at;
    account->slot.came_at = candidate->slot.came_at;
    account->slot.expires_at = candidate->slot.expires_at;
    account->slot.lifetime = candidate->slot.lifetime;
    account->slot.renew_fraction = candidate->slot.renew_fraction;
    account->slot.generation = stored->generation;
    account->slot.failures_in_row = 0;
    account->slot.not_before = {};
    account->rejected.clear();
    account->stats.last_success = deps_.clock.wall();
    candidate->slot.hand_out = HandOut();
    deps_.log.notice("{}: the new grant proved itself and replaced the old", account->name);
    notify(*account, "recovered", {});
    notify(*account, "new_token", {});
    settle_waiters(*account, account->slot);
    reschedule(account);
    co_return true;
}

void Broker::resume_candidate(const std::shared_ptr<Account>& candidate) {
    candidates_[candidate->candidate_of->id] = candidate;
    const bool good = candidate->state == storage::GrantState::good && !candidate->intent;
    const bool sent = candidate->intent || candidate->state == storage::GrantState::outcome_unknown;
    const bool proved = good && candidate->slot.generation > 0;
    if (!sent && !proved && !is_exchanged(*candidate))
        return spawn(deps_.brain, "drop-candidate", drop_candidate(candidate));
    if (!proved) return adopt(candidate);
    ++stored_later_;
    candidate->slot.in_flight = true;  // nothing else may happen to it
    spawn(deps_.brain, "promote-candidate", promote_stored(candidate));
}

awaitable<void> Broker::promote_stored(std::shared_ptr<Account> candidate) {
    auto attempt = std::make_shared<Attempt>();
    attempt->account = candidate;
    attempt->slot = std::shared_ptr<Slot>(candidate, &candidate->slot);
    (void)co_await promote(attempt);
    --stored_later_;
    idle_.notify_all();
}

// The provider gave its grant in exchange for another: that one is gone, so this one is not dropped
// before the provider refuses it.
bool Broker::is_exchanged(const Account& candidate) {
    return candidate.grant_version > 1 && candidate.state != storage::GrantState::login_required;
}

// Not one whose grant may be used up: only an answer of the provider can tell.
bool Broker::is_refuted(const Attempt& attempt, FailureClass failure) {
    if (!attempt.account->candidate_of) return false;
    if (failure == FailureClass::reauth) return true;
    const bool in_doubt =
        attempt.ambiguous_before || (failure == FailureClass::ambiguous && attempt.sent_grant);
    return !in_doubt && !is_exchanged(*attempt.account);
}

awaitable<void> Broker::refuted(std::shared_ptr<Attempt> attempt) {
    Account& candidate = *attempt->account;
    const LastFailure last = *candidate.stats.last_failure;
    const bool lost = attempt->ambiguous_before && last.failure == FailureClass::reauth;
    candidate.reason = fmt::format("{}{}; the grant before it stays in place", last.reason,
                                   lost ? " (an earlier answer to it was lost)" : "");
    // In memory only: the row goes.
    if (last.failure == FailureClass::reauth)
        candidate.state = storage::GrantState::login_required;
    else if (last.failure == FailureClass::config || last.failure == FailureClass::never)
        candidate.state = storage::GrantState::misconfigured;
    audit_.grant(*candidate.candidate_of, "not_replaced", candidate.reason);
    Error told = waiting_error(candidate, *attempt->slot);
    told.failure = to_string(last.failure);
    co_await drop_candidate(attempt->account);
    answer_operators(*attempt->slot, told);
}

// It stays in candidates_ until its row is gone: the next one is put in its place.
awaitable<void> Broker::drop_candidate(std::shared_ptr<Account> candidate) {
    if (std::exchange(candidate->removed, true)) co_return;
    heap_.remove(*candidate);
    auto change = std::make_shared<storage::Change>(storage::RemoveAccount{candidate->id});
    const Result<storage::Committed> stored = co_await deps_.store.commit(change);
    deps_.log.notice("{}: the new grant did not prove itself; the old one stays", candidate->name);
    if (stored || !is_of_store(stored.error())) {
        if (candidate_for(*candidate->candidate_of) == candidate.get())
            candidates_.erase(candidate->candidate_of->id);
        co_return;
    }
    deps_.log.error("{}: a refused new grant could not be removed: {}; it is tried again",
                    candidate->name, stored.error().message);
    store_later(candidate, change);
}

}  // namespace tb::daemon
