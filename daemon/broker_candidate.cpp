// Replacing a grant: the new one first proves itself as a candidate, a row of its own that is
// renewed like an account but never handed out. Only then it takes the place of the old, in one
// commit. An old exchange that comes back later finds itself superseded.
#include <utility>

#include "base/limits.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {

void Broker::prove(const std::shared_ptr<Account>& candidate, Millis timeout, Waiter::Done done) {
    candidates_[candidate->id] = candidate;
    kick(candidate, timeout, std::move(done));
}

awaitable<bool> Broker::promote(std::shared_ptr<Attempt> attempt) {
    const std::shared_ptr<Account> candidate = attempt->account;
    const std::shared_ptr<Account> account = candidate->candidate_of;
    auto change = std::make_shared<storage::Change>(storage::Promote{candidate->id, account->id});
    const Result<storage::Committed> stored = co_await commit_until_durable(attempt, change);
    heap_.remove(*candidate);
    candidates_.erase(candidate->id);
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
    const bool good = candidate->state == storage::GrantState::good && !candidate->intent;
    const bool sent = candidate->intent || candidate->state == storage::GrantState::outcome_unknown;
    const bool proved = good && candidate->slot.generation > 0;
    // The provider gave it in exchange for another: that one is gone, so this one is not dropped.
    const bool exchanged = good && candidate->grant_version > 1;
    if (!sent && !proved && !exchanged)
        return spawn(deps_.brain, "drop-candidate", drop_candidate(candidate));
    candidates_[candidate->id] = candidate;
    if (!proved) return adopt(candidate);
    ++stored_later_;
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

awaitable<void> Broker::drop_candidate(std::shared_ptr<Account> candidate) {
    candidate->removed = true;
    heap_.remove(*candidate);
    candidates_.erase(candidate->id);
    auto change = std::make_shared<storage::Change>(storage::RemoveAccount{candidate->id});
    const Result<storage::Committed> stored = co_await deps_.store.commit(change);
    if (!stored) {
        deps_.log.error("{}: a refused new grant could not be removed: {}; it is tried again",
                        candidate->name, stored.error().message);
        store_later(candidate, change);
    }
    deps_.log.notice("{}: the new grant did not prove itself; the old one stays", candidate->name);
}

}  // namespace tb::daemon
