// A section is checked with its preset's keys filled in, so that both have to fit together; a key
// that a preset brought is complained about at the section.
#include "providers/oauth2_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "providers/oauth2_presets.hpp"
#include "providers/oauth2_setup.hpp"
#include "providers/scrub.hpp"
#include "providers/settings_check.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

using Table = std::map<std::string, std::string>;
using List = std::vector<std::string>;
using Type = Key::Type;

bool is(const ClientSettings& client, std::string_view key, std::string_view value) {
    const auto* text = client.get<std::string>(key);
    return text != nullptr && *text == value;
}

bool has(const ClientSettings& client, std::string_view key) {
    return client.settings.contains(std::string(key));
}

void check_endpoints(const ClientSettings& client, SettingsCheck& check) {
    check.base_url(false);
    for (const std::string_view key :
         {"token_url", "auth_url", "device_url", "revoke_url", "validate_url"}) {
        if (client.get<std::string>(key) == nullptr) continue;
        if (const auto endpoint = endpoint_of(client, key); !endpoint)
            check.add(key, endpoint.error().message);
    }
    if (has(client, "validate_interval") && !has(client, "validate_url"))
        check.add("validate_interval", "says nothing without a validate_url; take it out");
    if (const auto* issuer = client.get<std::string>("issuer"))
        if (const auto base = parse_base_url(*issuer, client.allow_loopback_http); !base)
            check.add("issuer", base.error().message);
    if (!has(client, "token_url") && !has(client, "issuer"))
        check.add("token_url",
                  "is missing; write the https:// address of the token endpoint, or issuer for "
                  "discovery, or a preset");
}

void check_preset(const ClientSettings& client, SettingsCheck& check) {
    const auto* name = client.get<std::string>("preset");
    const Preset* preset = name == nullptr ? nullptr : find_preset(*name);
    const auto needs = [&](std::string_view key) {
        return preset != nullptr && std::find(preset->required.begin(), preset->required.end(),
                                              key) != preset->required.end();
    };
    if (needs("base_url") && client.base_url.empty())
        check.add("base_url", fmt::format("is missing; preset = \"{}\" needs the server's https:// "
                                          "address",
                                          *name));
    for (const std::string_view key : {"tenant", "realm"}) {
        const auto* text = client.get<std::string>(key);
        if (text != nullptr) check.plain(key, *text);
        if (needs(key) && (text == nullptr || text->empty()))
            check.add(key, fmt::format("is missing; preset = \"{}\" needs it", *name));
        if (!needs(key) && text != nullptr)
            check.add(key, "is used by no preset but its own; take it out");
    }
}

void check_client(const ClientSettings& client, SettingsCheck& check) {
    if (client.client_id.empty())
        check.add("client_id", "is missing; write the id that the provider gave your application");
    check.plain("client_id", client.client_id);
    const auto* written = client.get<std::string>("client_auth");
    const std::string_view auth = written == nullptr ? "basic" : std::string_view(*written);
    if (auth == "basic" && is(client, "basic_encoding", "raw") &&
        client.client_id.find(':') != std::string::npos)
        check.add("client_id",
                  "holds a colon, which raw Basic credentials can't carry; set client_auth = "
                  "\"post\" or basic_encoding = \"form\"");
    if (auth == "none" && is(client, "grant", "client_credentials"))
        check.add("client_auth",
                  "is \"none\", but grant = \"client_credentials\" is nothing without a secret or "
                  "a key");
    for (const std::string_view key : {"kid", "assertion_audience"})
        if (auth != "private_key_jwt" && has(client, key))
            check.add(key, "is only for client_auth = \"private_key_jwt\"; take it out");
    if (const auto* kid = client.get<std::string>("kid")) check.plain("kid", *kid);
    if (is(client, "assertion_audience", "issuer") && !has(client, "issuer"))
        check.add("assertion_audience", "is \"issuer\", but there is no issuer; write one");
}

void check_scopes(const ClientSettings& client, SettingsCheck& check) {
    const auto each = [&](std::string_view key, const List& scopes) {
        for (const std::string& scope : scopes)
            if (!good_scope(scope))
                check.add(key, fmt::format("holds \"{}\", which is no scope: one word in printable "
                                           "ASCII without quotes, backslashes and spaces",
                                           shown(scope)));
    };
    each("scopes", client.scopes);
    if (const auto* required = client.get<List>("require_scopes"))
        each("require_scopes", *required);
    if (is(client, "scope_on_refresh", "send") && client.scopes.empty())
        check.add("scope_on_refresh", "is \"send\", but there are no scopes; write them");
}

std::vector<Key> keys() {
    return {{"preset", Type::text, preset_names()},
            {"tenant", Type::text},
            {"realm", Type::text},
            {"token_url", Type::text},
            {"auth_url", Type::text},
            {"device_url", Type::text},
            {"revoke_url", Type::text},
            {"validate_url", Type::text},
            {"validate_interval", Type::duration},
            {"issuer", Type::text},
            {"grant", Type::text, {"refresh_token", "client_credentials"}},
            {"client_auth", Type::text, {"basic", "post", "none", "private_key_jwt"}},
            {"basic_encoding", Type::text, {"form", "raw"}},
            {"kid", Type::text},
            {"assertion_audience", Type::text, {"token_url", "issuer"}},
            {"device_request_auth", Type::text, {"send", "omit"}},
            {"require_scopes", Type::list},
            {"scope_on_refresh", Type::text, {"omit", "send"}},
            {"scope_at_login", Type::text, {"omit", "send"}},
            {"scope_param", Type::text, {"scope", "scopes"}},
            {"device_scope_param", Type::text, {"scope", "scopes"}},
            {"scope_compare", Type::text, {"exact", "icase"}},
            {"extra_params", Type::table},
            {"auth_params", Type::table},
            {"device_params", Type::table},
            {"extra_headers", Type::table},
            {"user_agent", Type::text},
            {"fields", Type::table},
            {"expiry", Type::list},
            {"rotation", Type::text, {"auto", "single_use", "never"}},
            {"refresh_ttl", Type::duration},
            {"max_lifetime", Type::duration},
            {"renew_fraction", Type::fraction},
            {"error_map", Type::table},
            {"success_statuses", Type::list}};
}

}  // namespace

std::vector<Mistake> check_settings(const ClientSettings& written) {
    const ClientSettings client = with_preset(written);
    SettingsCheck check(client);
    check.only(keys());
    check_preset(client, check);
    check_endpoints(client, check);
    check_client(client, check);
    check_scopes(client, check);
    check_tables(client, check);
    const auto* agent = client.get<std::string>("user_agent");
    if (agent != nullptr && !good_refresh_token(*agent))
        check.add("user_agent", "must be printable ASCII, as \"shop-backend/1.2.3\"");
    return check.take();
}

std::vector<Mistake> settings_warnings(const ClientSettings& client) {
    SettingsCheck check(client);
    const bool application = is(client, "grant", "client_credentials");
    if (application)
        for (const std::string_view key : {"rotation", "refresh_ttl", "scope_on_refresh"})
            if (has(client, key))
                check.add(key, "says nothing with grant = \"client_credentials\"; take it out");
    if (!application && is(client, "preset", "entra") &&
        std::find(client.scopes.begin(), client.scopes.end(), "offline_access") ==
            client.scopes.end())
        check.add("scopes",
                  "lack offline_access, without which Entra ID gives no refresh token at a login");
    const auto* auth = client.get<std::string>("client_auth");
    if (has(client, "basic_encoding") && auth != nullptr && *auth != "basic")
        check.add("basic_encoding", "says nothing without client_auth = \"basic\"; take it out");
    if (is(client, "preset", "epic")) {
        const auto* extra = client.get<Table>("extra_params");
        if (extra == nullptr || !extra->contains("deployment_id"))
            check.add(
                "extra_params",
                "lack deployment_id, which Epic's token endpoint wants for most applications");
    }
    return check.take();
}

}  // namespace tb::providers::oauth2
