// Probes. Of static tokens, which nothing renews: are they still good? Of tokens that are renewed,
// where the provider wants to be asked (Traits::validate_every). What must stay true: only an
// answer about the token itself, and about the one in hand, changes its state; a token is never
// dropped by a probe alone.
#include <algorithm>
#include <utility>

#include "base/limits.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {

using providers::Failed;

namespace {
constexpr Millis probe_every{86'400'000};
}  // namespace

void Broker::plan_probe(Account& account) const {
    const BootTime now = deps_.clock.now();
    if (!account.next_probe && (probes_daily(account) || validates(account, now)))
        account.next_probe = now;
}

// A refused token is renewed as if a caller had reported it; other trouble says nothing of it.
void Broker::validated(Attempt& attempt, const Failed* failure) {
    Account& account = *attempt.account;
    const BootTime now = deps_.clock.now();
    account.next_probe = now + attempt.client->traits.validate_every.value_or(probe_every);
    if (failure == nullptr) return;
    deps_.log.warning("{}: its token could not be validated ({}); {}", account.name, failure->code,
                      failure->reason);
    if (failure->code == "rejected")
        attempt.slot->reported = true;
    else if (failure->failure == FailureClass::retry)
        account.next_probe =
            now + std::max(failure->retry_after.value_or(Millis{0}), limits::backoff_max_ms);
}

// Nobody waits for a daily probe: where there is no place now, it comes some seconds later.
void Broker::probe(const std::shared_ptr<Account>& account) {
    const BootTime now = deps_.clock.now();
    const Admission admission = gate_.check(account->client->origin, now);
    if (admission.kind == Admission::Kind::go) {
        account->next_probe.reset();
        return start(account, std::shared_ptr<Slot>(account, &account->slot),
                     providers::Purpose::probe);
    }
    const Millis some{static_cast<std::int64_t>(deps_.random.uniform(1'000, 5'000))};
    account->next_probe = std::max(admission.until, now) + some;
    reschedule(account);
}

void Broker::probed(Attempt& attempt) {
    Account& account = *attempt.account;
    if (attempt.grant_version != account.grant_version)  // of a token that was replaced meanwhile
        return answer_operators(*attempt.slot, attempt.slot.get());
    if (attempt.client->traits.validate_every) return validated(attempt, nullptr);
    account.next_probe = deps_.clock.now() + probe_every;
    attempt.slot->failures_in_row = 0;
    if (std::exchange(account.rejected_by_probe, false)) notify(account, "recovered", {});
    account.reason.clear();
    account.stats.last_success = deps_.clock.wall();
    answer_operators(*attempt.slot, attempt.slot.get());
}

// Only an answer about the token itself marks it: a wrong URL or a broken certificate says nothing
// of it.
void Broker::note_probe(Attempt& attempt, const Failed& failure, const std::string& what) {
    Account& account = *attempt.account;
    const bool refused = failure.code == "rejected" || failure.code == "forbidden";
    const bool slow = failure.failure != FailureClass::retry;
    account.next_probe = slow ? deps_.clock.now() + probe_every : attempt.slot->not_before;
    if (!refused) return;
    account.rejected_by_probe = true;
    account.reason =
        fmt::format("{}; run: tokenbroker account add {} --replace", what, account.name);
    notify(account, "misconfigured", account.reason);
}

}  // namespace tb::daemon
