// A provider is a kind of token API: a step machine without I/O. The broker starts an Exchange,
// performs each Send over HTTPS, hands what came back to resume(), until Done. Fallback chains, a
// second mint, a discovery are only more steps. A new provider is one new file here and one line in
// registry.cpp. Nothing here reads a clock, draws or sends by itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "base/http.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "providers/settings.hpp"

namespace tb::providers {

enum class Purpose : std::uint8_t {
    renew,   // an access token, by whatever way the provider has
    probe,   // is the token in hand still good? (static tokens)
    revoke,  // give the grant back, best effort
};

// How the broker treats accounts of a provider unless the client section says otherwise.
enum class Policy : std::uint8_t { automatic, ahead, when_used, on_demand, static_token };
std::string_view to_string(Policy policy);  // "ahead", "when_used", "on_demand", "static"

struct Parameters
    : std::vector<std::pair<std::string, std::string>> {  // of one GetToken, sorted by name
    const std::string* find(std::string_view name) const;
};

// What a provider makes of a client section once, for all its exchanges; only it knows what is in.
struct Prepared {
    Prepared() = default;
    virtual ~Prepared() = default;
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;
};

// All an exchange may know. References outlive the exchange.
struct Context {
    const ClientSettings& client;
    std::string_view account;  // "shop/main", for messages
    const std::vector<std::pair<std::string, std::string>>& attributes;  // of the account
    const SecretSet& grant;           // refresh_token, secret_key, token, ...
    const SecretSet& client_secrets;  // client_secret, api_key
    Parameters parameters;            // what the caller asked for, on_demand only
    bool outcome_unknown = false;  // an earlier send of this grant got no answer: this is a replay
    Purpose purpose = Purpose::renew;
    const Clock& clock;  // now() for age rules, wall() where a reply lacks Date
    Random& random;
    const Secret* access_token = nullptr;  // the one in hand, for a probe of what is renewed
    const Prepared* prepared = nullptr;    // prepare(client), if that was done before
};

// Perform this, then resume().
struct Send {
    http::Request request;  // ca_file and proxy are filled in by the broker
};

// A usable access token.
struct Minted {
    Secret access_token;
    std::string header_name = "Authorization";
    std::string header_prefix = "Bearer ";
    std::string query_name;
    std::optional<Millis> lifetime;  // from sent_at; nullopt = no expiry
    BootTime sent_at{};              // of the request whose reply brought it
    std::vector<std::string> scopes;
    std::vector<std::pair<std::string, std::string>> attributes;
    std::optional<SecretSet>
        new_grant;  // the whole new set when the provider rotated; nullopt = keep the old
    std::optional<Millis>
        grant_lifetime;  // of the grant that is now in force, from sent_at, when known
    std::vector<std::string> warnings;  // for the log, without secrets
};
struct Probed {  // the token is good
    std::vector<std::string> warnings;
};
struct Revoked {};
struct Failed {
    enum class Scope : std::uint8_t {
        account,
        parameters
    };  // parameters: only this user_id/origin; the account is fine
    FailureClass failure = FailureClass::retry;
    Scope scope = Scope::account;
    std::string code;    // stable and short: "invalid_grant", "http_503", "bad_charset", "timeout"
    std::string reason;  // for people: what the provider said, scrubbed and cut; no secret
    std::optional<Millis> retry_after;  // a floor, already relative to Date and capped
    bool counts_for_origin = true;  // a RETRY that says something of the origin's health (breaker)
    // The exchange used the grant up all the same, and this whole set is in force now: a success
    // whose token can't be used, or a refused grant with another way left. Commit it like that of
    // a Minted, before acting on the failure; the old grant is never sent again.
    std::optional<SecretSet> new_grant;
};
using Done = std::variant<Minted, Probed, Revoked, Failed>;
using Step = std::variant<Send, Done>;

class Exchange {
  public:
    virtual ~Exchange() = default;
    virtual Step start() = 0;
    // Called with the outcome of the last Send. Never after Done.
    virtual Step resume(http::Outcome outcome) = 0;
};

// What was imported from the operator: cleaned (threekit trims), or refused with a message.
struct Imported {
    SecretSet grant;
    std::vector<std::string> notices;      // for people: "removed a leading 'Bearer '"
    std::optional<Minted> token;           // static providers: the token is in hand at once
    std::optional<Millis> grant_lifetime;  // when the provider documents one (Webroot: 14 days)
};

struct Traits {
    Policy policy = Policy::ahead;
    double renew_from = 0.65;  // due = sent + lifetime x f, f drawn once in [renew_from, renew_to)
    double renew_to = 0.75;
    bool single_use_grant =
        false;  // journal an intent before it is sent; outcome unknown if the answer is lost
    bool probes = false;   // Purpose::probe works
    bool revokes = false;  // Purpose::revoke works
    // Tokens in hand are probed at start and this often, because the provider wants it (Twitch).
    std::optional<Millis> validate_every;
    Millis min_age_at_report{0};  // ReportRejected is ignored for younger tokens (PlayFab)
    Millis hand_out_min{1'000};   // a token with less left is never handed out
    std::optional<Millis>
        longest_lifetime;  // known bound, for LifetimeTooShort before the first token
    std::vector<std::string>
        parameters;  // accepted GetToken parameters; others are InvalidParameter
    std::optional<Millis>
        max_age;  // static tokens: older ones are worth a reminder to the operator, no more
};

class Login;
enum class LoginFlow : std::uint8_t;
struct LoginRequest;

class Provider {
  public:
    virtual ~Provider() = default;
    virtual std::string_view name() const = 0;
    // Every mistake of a client section, with what would be right. Unknown keys too.
    virtual std::vector<Mistake> check(const ClientSettings& client) const = 0;
    // What is allowed but unwise, in the same form.
    virtual std::vector<Mistake> warnings(const ClientSettings& client) const;
    virtual Traits traits(const ClientSettings& client) const = 0;
    // The client secrets that an exchange needs ("client_secret"); each must have a source.
    virtual std::vector<std::string> client_secret_names(const ClientSettings& client) const;
    // Which secrets a grant has ("refresh_token"), the first is the one `account add` reads from
    // standard input.
    virtual std::vector<std::string> grant_fields(const ClientSettings& client) const = 0;
    virtual std::vector<std::string> attribute_names(const ClientSettings& client) const = 0;
    virtual Result<Imported> import_grant(
        const ClientSettings& client,
        const std::vector<std::pair<std::string, std::string>>& attributes,
        SecretSet raw) const = 0;
    // Of one GetToken, before anything else is done with them; invalid_parameter says what is
    // wrong. Unless overridden: every name in traits().parameters, with any value.
    virtual Result<void> check_parameters(
        const ClientSettings& client,
        const std::vector<std::pair<std::string, std::string>>& attributes,
        const Parameters& parameters) const;
    // Of a section that check() accepts. nullptr unless overridden: there is nothing to prepare.
    virtual std::shared_ptr<const Prepared> prepare(const ClientSettings& client) const;
    virtual std::unique_ptr<Exchange> begin(Context context) const = 0;
    // The ways a person can log in with this client (providers/login.hpp), the best first; none
    // unless overridden.
    virtual std::vector<LoginFlow> login_flows(const ClientSettings& client) const;
    // `flow` is one of login_flows(). The context's grant is empty.
    virtual std::unique_ptr<Login> begin_login(Context context, LoginRequest request) const;
    // The origin ("https://host:port") that renewals of this client go to; empty if it has none.
    // Breaker and caps are per origin.
    virtual std::string origin(const ClientSettings& client) const = 0;
};

// By its name in the config, or nullptr. Tests may add their own.
const Provider* find_provider(std::string_view name);
std::vector<std::string_view> provider_names();
void register_provider(const Provider& provider);

}  // namespace tb::providers
