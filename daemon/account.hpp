// One account in memory. Everything here belongs to the brain. Grants are not here: they stay
// sealed in the store. A Slot is one renewable token: an account has one, and one more for each set
// of request parameters in use (minted on demand).
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config.hpp"
#include "daemon/due_heap.hpp"
#include "daemon/hand_out.hpp"
#include "daemon/rare.hpp"
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
    // What each read needs stands first, so that it lies in as few lines of memory as can be.
    HandOut hand_out;       // empty: no token in hand
    BootTime expires_at{};  // max: never
    std::optional<Millis> lifetime;
    std::optional<BootTime> last_read;

    std::uint64_t generation = 0;
    BootTime sent_at{};
    BootTime came_at{};  // in this process; zero for one out of the store
    double renew_fraction = 0.7;
    BootTime not_before{};  // backoff after a failure
    int failures_in_row = 0;
    bool in_flight = false;  // an exchange is on its way
    bool queued = false;     // it waits for a place, or for its origin to recover
    bool kicked = false;     // an operator asked: neither backoff nor breaker holds it back
    bool reported = false;   // a caller says that the token in hand is refused
    std::vector<std::shared_ptr<Waiter>> waiters;
    Rare<LastFailure>
        refused;      // this set of parameters only (a user who has not authorised the app)
    std::string key;  // of the parameters; empty for the account's own
    providers::Parameters parameters;
    bool renewing() const { return in_flight || queued; }

    // Zero without a token, Millis::max() without an expiry.
    Millis remaining(BootTime now) const {
        if (hand_out.empty()) return Millis{0};
        if (expires_at == BootTime::max()) return Millis::max();
        return expires_at > now ? expires_at - now : Millis{0};
    }
};

struct AccountStats {
    Rare<LastFailure> last_failure;
    std::optional<WallTime> last_success;
    std::uint64_t renewals = 0;
    std::uint64_t refusals = 0;
    std::uint64_t hand_outs = 0;
};

// The access rules that name an account: most accounts have the same, so they share a list.
class RuleList {
  public:
    using Rules = std::vector<const AccessRule*>;
    RuleList() = default;
    explicit RuleList(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}
    operator const Rules&() const { return rules_ ? *rules_ : none(); }
    auto begin() const { return static_cast<const Rules&>(*this).begin(); }
    auto end() const { return static_cast<const Rules&>(*this).end(); }

  private:
    static const Rules& none() {
        static const Rules empty;
        return empty;
    }
    std::shared_ptr<const Rules> rules_;
};

using OnDemandSlots = std::map<std::string, std::shared_ptr<Slot>, std::less<>>;

// The current config and what was derived from a client section; replaced as a whole by a reload.
struct ClientRuntime {
    std::shared_ptr<const Config> config;  // keeps `client` alive
    const ClientConfig* client = nullptr;
    providers::Traits traits;
    std::shared_ptr<const providers::Prepared> prepared;
    std::string origin;
    std::uint64_t version = 0;  // of the config it came from
};

// A million of these fit in memory only if each is small: what few accounts have is Rare.
struct Account : std::enable_shared_from_this<Account> {
    // What each read needs stands first, up to the slot's own first lines.
    std::string name;
    std::shared_ptr<const ClientRuntime> client;  // nullptr: the config has no such client any more
    RuleList rules;
    bool paused = false;
    bool removed = false;
    bool rejected_by_probe = false;  // a static token that the provider refused
    storage::GrantState state = storage::GrantState::good;
    bool replay_at_once = false;  // outcome unknown: the first replay doesn't wait
    bool commit_pending = false;  // a successor waits in memory for the store to take it
    // The generation whose coming end watchers were told of, as far as two bytes tell it apart from
    // its neighbours: with eight an account would take another line of memory.
    std::uint16_t told_expiring = 0;
    std::vector<std::pair<uid_t, std::uint64_t>>
        rejected;  // this uid is not given this generation again; those of tokens still in hand
    storage::AccountId id = 0;
    AccountStats stats;
    Slot slot;

    std::string_view provider;  // one text for all accounts of it; the table's
    storage::Attributes attributes;
    std::shared_ptr<Account>
        candidate_of;  // this is the candidate of a replacement: never handed out, never listed
    std::string reason;
    std::uint64_t grant_version = 1;
    WallTime grant_obtained_at{};
    std::optional<WallTime> grant_expires_at;
    Rare<storage::IntentRecord> intent;
    // An intent that could not be stored, or perhaps was: asked again as the same, it counts once.
    std::shared_ptr<storage::Change> unsure_intent;
    std::optional<WallTime> last_used;
    Rare<OnDemandSlots> on_demand;
    std::optional<BootTime> next_probe;
    std::uint64_t newest_generation = 0;  // of all slots: each token handed out has its own
    std::size_t heap_place = DueHeap<Account>::none;
    std::vector<Watch*> watches;
    Rare<std::vector<BootTime>> reports;  // ReportRejected that started a renewal, last minute's
    std::size_t warned = 0;               // hash of the warnings that the newest token came with

    // The slot of each set of parameters in use.
    const OnDemandSlots& on_demand_slots() const {
        static const OnDemandSlots none;
        return on_demand ? *on_demand : none;
    }
    // Not handed out though it may be valid: paused, or a static token that was refused under
    // `strict`.
    bool withheld() const {
        return paused || (rejected_by_probe && client && client->client->strict);
    }
    bool rejected_by(uid_t uid, std::uint64_t generation) const {
        return std::ranges::find(rejected, std::pair(uid, generation)) != rejected.end();
    }
    void reject(uid_t uid, std::uint64_t generation);
    // Of the token in hand; never 0.
    std::uint16_t number_to_tell() const {
        return static_cast<std::uint16_t>(slot.generation % 0xffff + 1);
    }
    // The token of this number is not in hand any more.
    void forget_rejected(std::uint64_t generation) {
        std::erase_if(rejected,
                      [generation](const auto& entry) { return entry.second == generation; });
    }
    bool single_use() const { return client && client->traits.single_use_grant; }
};

// What the policy is once the token's life is known: `ahead` of a token under 60 s would be mostly
// renewing.
providers::Policy effective_policy(const Account& account);
// A token with less left is never handed out, to a watcher neither.
inline Millis hand_out_min(const Account& account) {
    return account.client ? account.client->traits.hand_out_min : providers::Traits().hand_out_min;
}
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
