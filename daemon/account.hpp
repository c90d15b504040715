// One account in memory. Everything here belongs to the brain. Grants are not here: they stay
// sealed in the store. A Slot is one renewable token: an account has one, and one more for each set
// of request parameters in use (minted on demand).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config.hpp"
#include "daemon/due_heap.hpp"
#include "daemon/hand_out.hpp"
#include "storage/records.hpp"

namespace tb::daemon {

struct Account;
class Waiter;
class Watch;

struct LastFailure {
    FailureClass failure = FailureClass::retry;
    std::string code;
    std::string reason;  // for people
    WallTime at{};
};

struct Slot {
    std::string key;  // of the parameters; empty for the account's own
    providers::Parameters parameters;
    HandOut hand_out;  // empty: no token in hand
    BootTime sent_at{};
    BootTime expires_at{};  // max: never
    std::optional<Millis> lifetime;
    double renew_fraction = 0.7;
    std::uint64_t generation = 0;
    bool in_flight = false;  // an exchange is on its way
    bool queued = false;     // it waits for a place, or for its origin to recover
    bool kicked = false;     // an operator asked: neither backoff nor breaker holds it back
    bool reported = false;   // a caller says that the token in hand is refused
    int failures_in_row = 0;
    BootTime not_before{};  // backoff after a failure
    std::vector<std::shared_ptr<Waiter>> waiters;
    std::optional<LastFailure>
        refused;  // this set of parameters only (a user who has not authorised the app)
    std::optional<BootTime> last_read;
    bool renewing() const { return in_flight || queued; }

    Millis remaining(BootTime now) const;  // zero without a token, Millis::max() without an expiry
};

struct AccountStats {
    std::uint64_t hand_outs = 0;
    std::uint64_t refusals = 0;
    std::uint64_t renewals = 0;
    std::optional<WallTime> last_success;
    std::optional<LastFailure> last_failure;
};

// The current config and what was derived from a client section; replaced as a whole by a reload.
struct ClientRuntime {
    std::shared_ptr<const Config> config;  // keeps `client` alive
    const ClientConfig* client = nullptr;
    providers::Traits traits;
    std::string origin;
    std::uint64_t version = 0;  // of the config it came from
};

struct Account : std::enable_shared_from_this<Account> {
    storage::AccountId id = 0;
    std::string name;
    std::string provider;
    std::shared_ptr<const ClientRuntime> client;  // nullptr: the config has no such client any more
    storage::Attributes attributes;
    std::vector<const AccessRule*> rules;
    std::shared_ptr<Account>
        candidate_of;  // this is the candidate of a replacement: never handed out, never listed

    bool paused = false;
    bool removed = false;
    storage::GrantState state = storage::GrantState::good;
    std::string reason;
    std::uint64_t grant_version = 1;
    WallTime grant_obtained_at{};
    std::optional<WallTime> grant_expires_at;
    std::optional<storage::IntentRecord> intent;
    // An intent that could not be stored, or perhaps was: asked again as the same, it counts once.
    std::shared_ptr<storage::Change> unsure_intent;
    std::optional<WallTime> last_used;

    Slot slot;
    std::map<std::string, std::shared_ptr<Slot>, std::less<>> on_demand;

    bool replay_at_once = false;  // outcome unknown: the first replay doesn't wait
    bool commit_pending = false;  // a successor waits in memory for the store to take it
    std::optional<BootTime> next_probe;
    bool rejected_by_probe = false;       // a static token that the provider refused
    std::uint64_t newest_generation = 0;  // of all slots: each token handed out has its own
    std::size_t heap_place = DueHeap<Account>::none;

    std::vector<Watch*> watches;
    std::vector<std::pair<uid_t, std::uint64_t>>
        rejected;                   // this uid is not given this generation again
    std::vector<BootTime> reports;  // ReportRejected that started a renewal, of the last minute
    AccountStats stats;
    std::size_t warned = 0;  // hash of the warnings that the newest token came with

    // Not handed out though it may be valid: paused, or a static token that was refused under
    // `strict`.
    bool withheld() const {
        return paused || (rejected_by_probe && client && client->client->strict);
    }
    bool single_use() const { return client && client->traits.single_use_grant; }
};

// What the policy is once the token's life is known: `ahead` of a token under 60 s would be mostly
// renewing.
providers::Policy effective_policy(const Account& account);
// A static token that is asked about once a day, because its client section says `probe = true`.
bool probes_daily(const Account& account);
// A token in hand that its provider wants to be asked about now and then.
bool validates(const Account& account, BootTime now);
// What a person runs to give it a new grant.
std::string new_grant_command(const Account& account);
std::string_view state_name(const Account& account, BootTime now);
// The client part of "client/name".
std::string_view client_of(std::string_view account_name);

}  // namespace tb::daemon
