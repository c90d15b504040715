// What an OAuth2 client says, with presets and defaults filled in: one plain value that requests,
// replies, discovery and logins are made from. `oauth2` makes it from its settings, `webroot` from
// its own; so both speak by the same code.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "providers/encoding.hpp"
#include "providers/settings.hpp"
#include "providers/urls.hpp"

namespace tb::providers::oauth2 {

using Pairs = std::vector<std::pair<std::string, std::string>>;

enum class Grant : std::uint8_t { refresh_token, client_credentials };
enum class ClientAuth : std::uint8_t { basic, post, none, private_key_jwt };
enum class Rotation : std::uint8_t {
    automatic,   // a new refresh token may come with any reply, and the old may be dead then
    single_use,  // it comes with every reply
    never,       // the same one for good: sending it spends nothing
};
enum class Meaning : std::uint8_t { retry, reauth, config, never };  // of an operator's error_map

// Where a lifetime comes from; the first that the reply has counts.
struct Expiry {
    enum class Kind : std::uint8_t { expires_in, expires_at, jwt_exp, fixed, reactive };
    Kind kind = Kind::expires_in;
    Millis fixed{0};
};

// JSON pointers; empty: not read.
struct Fields {
    std::string access = "/access_token";
    std::string refresh = "/refresh_token";
    std::string expires_in = "/expires_in";
    std::string expires_at;  // ISO 8601, or a NumericDate in seconds or milliseconds
    std::string refresh_expires_in;
    std::string token_type = "/token_type";
    std::string scope = "/scope";
    std::string error = "/error";
    std::string error_description = "/error_description";
};

struct Setup {
    std::optional<Endpoint> token, authorize, device, revoke, validate;  // nullopt: not configured
    Millis validate_every{3'600'000};
    std::string issuer;  // exactly as configured; empty: no discovery, no check of `iss`
    bool loopback_http = false;

    Grant grant = Grant::refresh_token;
    ClientAuth client_auth = ClientAuth::basic;
    BasicEncoding basic_encoding = BasicEncoding::form;
    std::string client_id;
    std::string key_id;               // of private_key_jwt
    bool audience_is_issuer = false;  // else the token endpoint
    bool device_request_auth = true;  // the device request carries the client's secret too

    std::vector<std::string> scopes;
    std::vector<std::string> require_scopes;
    bool scope_on_refresh = false;
    bool scope_at_login = false;  // in the token request of a login as well
    bool scopes_ignore_case = false;
    std::string scope_param = "scope";
    std::string device_scope_param = "scope";

    Pairs extra_params;   // of every token request
    Pairs auth_params;    // of the authorization request
    Pairs device_params;  // of the device authorization request
    Pairs extra_headers;
    std::string user_agent;

    Fields fields;
    std::vector<Expiry> expiry;
    Rotation rotation = Rotation::automatic;
    std::optional<Millis> refresh_ttl;
    std::optional<Millis> max_lifetime;
    std::vector<std::pair<std::string, Meaning>> error_map;
    std::vector<int> success_statuses = {200};
    bool nested_errors = false;   // the real code as JSON inside error_description (Webroot)
    bool password_grant = false;  // the grant may hold username and password

    bool spends_grant() const {
        return grant == Grant::refresh_token && rotation != Rotation::never;
    }
    std::string joined_scopes() const;
};

inline constexpr std::string_view default_user_agent = "tokenbroker/" TB_VERSION;

// The section with its preset's keys added where it has none of its own, tables entry by entry.
ClientSettings with_preset(const ClientSettings& client);
// Of a section that oauth2's check() accepts; what is wrong in it is left at its default.
Setup setup_of(const ClientSettings& client);
// "expires_in", "fixed:600", ...; nullopt if it is none of them.
std::optional<Expiry> parse_expiry(std::string_view text);
std::optional<Meaning> parse_meaning(std::string_view text);
// Three digits that begin with 2.
std::optional<int> parse_success_status(std::string_view text);
// An absolute URL, or a path that goes behind base_url.
Result<Endpoint> endpoint_of(const ClientSettings& client, std::string_view key);

}  // namespace tb::providers::oauth2
