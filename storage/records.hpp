// What is kept of accounts, as values. The brain holds everything but grants and client secrets:
// those stay sealed in the store and are opened for one exchange at a time (TokenStore::open).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/secret.hpp"
#include "base/time.hpp"

namespace tb::storage {

using AccountId = std::int64_t;  // never used again after a removal (AUTOINCREMENT)

enum class GrantState : std::uint8_t {
    good = 0,
    outcome_unknown = 1,  // a single-use grant was sent and its answer is lost; replays go on
    login_required = 2,   // refused by the provider, or lost; never sent by itself again
    misconfigured = 3,    // the operator must change something; the grant is kept
};

using Attributes =
    std::vector<std::pair<std::string, std::string>>;  // public: user name, entity id, domains

// The newest access token. Absolute times are kept in both clocks: see design of the lifetime rule
// in daemon/lifetime.hpp.
struct TokenRecord {
    std::uint64_t generation = 0;
    Secret access_token;
    std::string header_name;    // "Authorization"
    std::string header_prefix;  // "Bearer "
    std::string query_name;     // "bearer_token", or empty
    std::vector<std::string> scopes;
    Attributes attributes;  // what the provider said of the token (entity id and type, ...)
    BootTime sent_at{};     // when its request was sent
    std::string boot_id;    // of that time
    WallTime sent_wall{};
    std::optional<Millis> lifetime;  // from sent_at; nullopt = no expiry
    double renew_fraction = 0.7;     // drawn once for this token
    TokenRecord copy() const;
};

struct IntentRecord {
    std::string fingerprint;  // keyed hash of the grant that was (perhaps) sent, hex
    WallTime at{};            // of the first attempt
    int attempts = 0;
};

struct AccountRecord {
    AccountId id = 0;
    std::string name;  // "client/name"; a candidate of a replacement has "client/name" too and
                       // candidate_for set
    std::optional<AccountId> candidate_for;
    std::string provider;
    Attributes attributes;  // given by the operator at enrolment
    bool paused = false;
    GrantState state = GrantState::good;
    std::string reason;               // why not good, for people
    std::uint64_t grant_version = 1;  // counts every grant this account has had
    std::string grant_fingerprint;
    WallTime grant_obtained_at{};
    std::optional<WallTime> grant_expires_at;
    std::uint64_t generation =
        0;  // of the newest token ever handed out; kept over removal of the token itself
    std::optional<WallTime> last_used;
    std::optional<IntentRecord> intent;
    std::optional<TokenRecord> token;
    AccountRecord copy() const;
};

// --- changes: each is one row's worth of a commit; all are durable when commit() answers ---

struct AddAccount {
    AccountRecord account;  // id is given by the store; account.token may be set (static providers)
    SecretSet grant;
    // Of a candidate: not the grant that its account has already (superseded), which would
    // be spent twice, side by side. But one that was refused may be tried again.
    bool must_differ = false;
};
// The journal entry before a single-use grant is sent. attempts is raised by one each time. Fails,
// and nothing may be sent, unless the room that the successor will need is reserved (the ballast
// file).
struct Intend {
    AccountId account = 0;
    std::uint64_t grant_version = 0;
    WallTime at{};
};
// A parsed success: always committed, whatever happened to the account meanwhile, unless a newer
// grant is there (errc::superseded) or the account is gone (errc::not_found).
struct Renewed {
    AccountId account = 0;
    std::uint64_t grant_version = 0;     // the version that was exchanged
    std::optional<SecretSet> new_grant;  // rotation; nullopt = the old one stays
    WallTime grant_obtained_at{};        // with new_grant
    // With new_grant as it is; without one, set = the same grant's life was prolonged.
    std::optional<WallTime> grant_expires_at;
    TokenRecord token;
};
struct SetState {
    AccountId account = 0;
    std::uint64_t grant_version = 0;  // ignored if a newer grant is there (errc::superseded)
    GrantState state = GrantState::good;
    std::string reason;
    bool clear_intent = false;
    bool retire_grant = false;  // a copy goes to retired_grants, kept sealed for 30 days
    // The grant was given back: it goes and the token with it (version raised), in the same commit
    // as the state that says so; in two, a failure between them left an account without a word of
    // why.
    bool drop_grant = false;
};
struct SetPaused {
    AccountId account = 0;
    bool paused = false;
};
// A static token or a new login puts a grant (and token) in place without an exchange; the version
// is raised, an intent cleared, the state good. Without a token the old one goes: it may be
// somebody else's. The old grant is not kept; a candidate is older than this one, and goes.
struct ReplaceGrant {
    AccountId account = 0;
    SecretSet grant;
    WallTime grant_obtained_at{};
    std::optional<WallTime> grant_expires_at;
    Attributes attributes;
    std::optional<TokenRecord> token;
};
// The candidate's grant, token, attributes, state and intent become the account's (version raised,
// the token gets the account's next generation); the old grant is retired, the candidate row goes.
struct Promote {
    AccountId candidate = 0;
    AccountId account = 0;
};
struct RemoveAccount {
    AccountId account = 0;
};
// Of many accounts at once, from time to time; not worth a commit each.
struct Touch {
    std::vector<std::pair<AccountId, WallTime>> last_used;
};
struct SetClientSecret {
    std::string client;
    std::string name;  // "client_secret", "api_key"
    Secret value;      // empty = forget it
    bool only_if_missing = false;
};
// Out of a backup: an account that is missing is added with its intent, over an existing one only a
// newer grant goes (a later version that was also obtained later); the grant before it is retired.
struct RestoreAccount {
    AccountRecord account;  // as of AddAccount; an intent's fingerprint is set by the store
    SecretSet grant;
};

using Change = std::variant<AddAccount, Intend, Renewed, SetState, SetPaused, ReplaceGrant, Promote,
                            RemoveAccount, Touch, SetClientSecret, RestoreAccount>;

// What became of a RestoreAccount, or of a SetClientSecret that is only_if_missing.
enum class Restored : std::uint8_t {
    none,
    added,
    replaced,
    same,  // the grant is there already
    kept,  // the one that is there is newer, or nothing says that it is older
};

// What the store made of it.
struct Committed {
    AccountId account = 0;            // the one concerned; of AddAccount the new one
    std::uint64_t grant_version = 0;  // after the change
    std::string grant_fingerprint;    // after the change
    int attempts = 0;                 // of the intent after Intend
    std::uint64_t generation = 0;     // after the change; Promote gives the token a new one
    Restored restored = Restored::none;
};

}  // namespace tb::storage
