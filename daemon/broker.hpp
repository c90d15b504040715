// The broker: which account is renewed when, one exchange at a time, durable before visible, and
// who is told. Path of a renewal: wake -> request -> start -> renew (coroutine: perform -> settle)
// -> publish -> settle_waiters -> reschedule -> pump. State decides, not events: every wake-up asks
// next_due() and the gate again. All on the brain; no locks.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/mailbox.hpp"
#include "daemon/account_table.hpp"
#include "daemon/audit.hpp"
#include "daemon/deps.hpp"
#include "daemon/origin_gate.hpp"
#include "daemon/reading.hpp"
#include "daemon/schedule.hpp"
#include "daemon/waiter.hpp"
#include "daemon/watch.hpp"

namespace tb::daemon {

// One exchange under way. Shared with its coroutine; holds what was current when it started.
struct Attempt {
    std::shared_ptr<Account> account;
    std::shared_ptr<Slot> slot;
    std::shared_ptr<const ClientRuntime> client;
    std::uint64_t grant_version = 0;
    providers::Purpose purpose = providers::Purpose::renew;
    bool ambiguous_before = false;  // this grant was sent before without an answer
    bool sent_grant = false;        // an intent is open
};

class Broker {
  public:
    Broker(const Deps& deps, AccountTable& table, Audit& audit);

    Moment moment() const { return {deps_.clock.now(), deps_.clock.wall()}; }

    // Starts looking after every account of the table.
    void begin();
    // Every account gets what the configuration now says, a few in each turn of the brain, and
    // those of the changed clients lose what held them back.
    awaitable<void> configured(std::vector<std::string> changed_clients);
    void adopt(const std::shared_ptr<Account>&
                   account);  // newly enrolled, or its state was changed by an operator
    void reschedule(const std::shared_ptr<Account>& account);  // its deadlines may have changed
    void forget(const std::shared_ptr<Account>& account,
                std::string_view event);  // removed or paused: waiters and watchers learn it

    // --- reading ---
    ReadFacts facts(const Account& account, const Slot& slot, std::optional<Millis> min_remaining,
                    uid_t uid) const;
    // The slot for these parameters; nullptr when an account has too many of them in use.
    std::shared_ptr<Slot> slot_for(const std::shared_ptr<Account>& account,
                                   providers::Parameters parameters);
    // Waits for a renewal (starting it where none is under way); `done` is called exactly once,
    // perhaps at once.
    std::shared_ptr<Waiter> wait(const std::shared_ptr<Account>& account,
                                 const std::shared_ptr<Slot>& slot,
                                 std::optional<Millis> min_remaining, uid_t uid, Millis timeout,
                                 Waiter::Done done);
    void abandon(Slot& slot, const std::shared_ptr<Waiter>& waiter);  // its caller is gone
    // Why this account can't be renewed now, as an error for a caller; nullopt: it can.
    std::optional<Error> blocked(const Account& account) const;

    // --- operators ---
    // One that was left from before a restart: it takes its place if it had proved itself, its
    // exchange goes on if it was sent, else it is dropped.
    void resume_candidate(const std::shared_ptr<Account>& candidate);
    // A candidate proves itself by a renewal; then its grant becomes that of `candidate_of`. `done`
    // gets the first outcome.
    void prove(const std::shared_ptr<Account>& candidate, Millis timeout, Waiter::Done done);
    // nullptr: none. One that is `removed` did not prove itself, and its row could not be removed
    // yet.
    const Account* candidate_for(const Account& account) const;
    // Its row is gone.
    void forget_candidate_of(const Account& account);
    // Renews now, whatever the timer and the breaker say; `done` gets the first outcome. A static
    // token is probed.
    void kick(const std::shared_ptr<Account>& account, Millis timeout, Waiter::Done done);
    // too_many_requests: over the budget of the caller or the account. Else: did a renewal (or a
    // probe) start?
    Result<bool> report_rejected(const std::shared_ptr<Account>& account,
                                 const std::shared_ptr<Slot>& slot, uid_t uid,
                                 std::uint64_t generation);

    // A new grant (and token) took the place of the old without an exchange of ours.
    void replaced(const std::shared_ptr<Account>& account);
    // What a backup had took the place of what was known of it, its state and pause too.
    void restored(const std::shared_ptr<Account>& account, bool replay);
    // Gives the account's grant back to the provider; a renewal under way is waited for first.
    awaitable<Result<void>> revoke(std::shared_ptr<Account> account);
    // The same for a grant that belongs to no account any more: in the background, best effort.
    void give_back(std::shared_ptr<const ClientRuntime> client, std::string name,
                   std::shared_ptr<SecretSet> grant);
    awaitable<Result<SecretSet>> client_secrets(std::shared_ptr<const ClientRuntime> client);
    // What a provider acknowledged is never dropped: stays in locked memory until the store takes
    // it. An error is never of the store itself.
    awaitable<Result<storage::Committed>> commit_acknowledged(
        std::string name, std::shared_ptr<storage::Change> change);

    // An operator's change: an error is of one that was surely not made, or of one that the store
    // could say nothing of within limits::known_within_ms.
    awaitable<Result<storage::Committed>> commit_known(std::string what,
                                                       std::shared_ptr<storage::Change> change);

    // The end of a grant (its refusal, a candidate's removal) that the store could not take: tried
    // until it does, has something newer, or the account is at work again.
    void store_later(const std::shared_ptr<Account>& account,
                     std::shared_ptr<storage::Change> change);

    // What a new watcher of this uid is told of an account: the event and its reason.
    std::pair<std::string_view, std::string> event_of(const Account& account, uid_t uid) const;
    // Every watch of it: the first ones at once, of many the others in the next turns.
    void notify(Account& account, std::string_view event, std::string_view reason);
    int exchanges_in_flight() const { return gate_.in_flight(); }
    std::vector<std::string> alarms() const;
    Admission admission(const Account& account) const;
    std::optional<Due> due(const Account& account) const { return next_due(account, moment()); }

    // No new exchange is started; those under way end, and what they brought is committed. Stored
    // last uses too.
    awaitable<void> stop();
    awaitable<void> touch();  // stores last uses

  private:
    bool touch_some(std::string& after, storage::Touch& touch);
    awaitable<void> reschedule_all();
    bool configure_some(std::string& after, const std::vector<std::string>& changed_clients);
    bool configure_candidates(storage::AccountId& after,
                              const std::vector<std::string>& changed_clients);
    void configure_one(Account& account, const std::vector<std::string>& changed_clients);
    void tell();
    bool tell_some();
    awaitable<void> tell_others();
    void tell_of_expiry(Account& account);
    std::string why_no_newer(const Account& account) const;
    void arm();
    void wake();
    void look(Account& account);
    void plan_probe(Account& account) const;
    void probe(const std::shared_ptr<Account>& account);
    void validated(Attempt& attempt, const providers::Failed* failure);
    void request(const std::shared_ptr<Account>& account, const std::shared_ptr<Slot>& slot,
                 bool kick);
    void enqueue(const std::shared_ptr<Account>& account, const std::shared_ptr<Slot>& slot);
    void await_outcome(Account& account, const Slot& slot);
    void pump(const std::string& origin);
    void pump_all();
    void pump_at(const std::string& origin, BootTime at);
    void start(const std::shared_ptr<Account>& account, const std::shared_ptr<Slot>& slot,
               providers::Purpose purpose);
    bool still_wanted(const Account& account, const Slot& slot) const;

    awaitable<void> renew(std::shared_ptr<Attempt> attempt);
    awaitable<providers::Done> perform(std::shared_ptr<Attempt> attempt);
    awaitable<Result<int>> intend(std::shared_ptr<Attempt> attempt);
    awaitable<void> minted(std::shared_ptr<Attempt> attempt,
                           std::shared_ptr<providers::Minted> token);
    awaitable<void> failed(std::shared_ptr<Attempt> attempt,
                           std::shared_ptr<providers::Failed> failure);
    // May be taken later; a damaged row or file, too, which may be put right again.
    static bool is_of_store(const Error& error);
    awaitable<Result<storage::Committed>> commit_until_durable(
        std::shared_ptr<Attempt> attempt, std::shared_ptr<storage::Change> change);
    // After a try that failed with `first`. Its caller counts it in commits_pending_.
    awaitable<Result<storage::Committed>> commit_in_the_end(std::string name,
                                                            std::shared_ptr<storage::Change> change,
                                                            Error first);
    awaitable<void> set_state(std::shared_ptr<Attempt> attempt, storage::GrantState state,
                              std::string reason, bool clear_intent, bool retire);
    awaitable<bool> keep_successor(std::shared_ptr<Attempt> attempt,
                                   std::shared_ptr<providers::Failed> failure);
    awaitable<providers::Done> revocation(std::shared_ptr<const ClientRuntime> client,
                                          std::string name, std::shared_ptr<SecretSet> grant);
    awaitable<void> give_back_now(std::shared_ptr<const ClientRuntime> client, std::string name,
                                  std::shared_ptr<SecretSet> grant);
    awaitable<Result<void>> revoke_held(std::shared_ptr<Account> account,
                                        std::shared_ptr<const ClientRuntime> client);
    void note_probe(Attempt& attempt, const providers::Failed& failure, const std::string& what);
    void publish(Attempt& attempt, const storage::TokenRecord& token);
    void note_failure(Attempt& attempt, const providers::Failed& failure);
    void probed(Attempt& attempt);
    void settle_waiters(Account& account, Slot& slot);
    awaitable<bool> promote(std::shared_ptr<Attempt> attempt);
    awaitable<void> keep_storing(std::shared_ptr<Account> account,
                                 std::shared_ptr<storage::Change> change);
    static bool is_exchanged(const Account& candidate);
    static bool is_refuted(const Attempt& attempt, FailureClass failure);
    awaitable<void> refuted(std::shared_ptr<Attempt> attempt);
    awaitable<void> drop_candidate(std::shared_ptr<Account> candidate);
    awaitable<void> promote_stored(std::shared_ptr<Account> candidate);
    void answer_operators(Slot& slot, const Result<const Slot*>& outcome);
    Error waiting_error(const Account& account, const Slot& slot) const;
    ReadFacts facts_for(const Waiter& waiter, const Account& account, const Slot& slot) const;
    void wake_waiter(BootTime when, const std::weak_ptr<Account>& account,
                     const std::shared_ptr<Slot>& slot, const std::shared_ptr<Waiter>& waiter);
    void forget_reporters(BootTime now);
    void forget_idle_slots(Account& account);

    struct OriginQueue {
        std::deque<std::pair<std::shared_ptr<Account>, std::shared_ptr<Slot>>>
            urgent;  // somebody waits
        std::deque<std::pair<std::shared_ptr<Account>, std::shared_ptr<Slot>>> normal;
        Clock::TimerId timer = 0;
        BootTime timer_at{};
    };

    const Deps& deps_;
    AccountTable& table_;
    Audit& audit_;
    // A renewal is done in pieces, readers come between. Asking another thread is one of them:
    // waking it takes as long as the work before.
    Mailbox pieces_;
    OriginGate gate_;
    DueHeap<Account> heap_;
    std::map<std::string, OriginQueue, std::less<>> queues_;
    Clock::TimerId timer_ = 0;
    BootTime timer_at_{};
    Millis clock_offset_{0};   // wall minus boot; a step of the wall clock moves grant deadlines
    int commits_pending_ = 0;  // successors that the store could not take yet
    std::string store_trouble_;
    std::size_t revocations_ = 0;
    std::size_t stored_later_ = 0;
    bool stopping_ = false;
    Event idle_;
    BootTime next_touch_{};
    std::map<uid_t, std::vector<BootTime>> caller_reports_;
    std::map<storage::AccountId, std::shared_ptr<Account>> candidates_;  // by account
    std::deque<std::weak_ptr<Watch>> untold_;  // with something marked, each at most once
    bool telling_ = false;                     // in turns
};

}  // namespace tb::daemon
