// What is known of some servers, as the settings an operator would write; what their documentation
// doesn't confirm is named in docs/providers/oauth2.md. What must stay true: no host name here
// belongs to anybody but the server's owner.
#include "providers/oauth2_presets.hpp"

#include <algorithm>

#include "providers/encoding.hpp"
#include "providers/oauth2_setup.hpp"

namespace tb::providers::oauth2 {
namespace {

using Table = std::map<std::string, std::string>;
using List = std::vector<std::string>;

Preset discord() {
    return {"discord",
            {{"token_url", "https://discord.com/api/oauth2/token"},
             {"auth_url", "https://discord.com/oauth2/authorize"},
             {"revoke_url", "https://discord.com/api/oauth2/token/revoke"},
             {"rotation", "single_use"}},
            {}};
}

// Errors are {"status":400,"message":"..."}. /oauth2/revoke takes access tokens only, so
// there is no revoke_url.
Preset twitch() {
    return {"twitch",
            {{"token_url", "https://id.twitch.tv/oauth2/token"},
             {"auth_url", "https://id.twitch.tv/oauth2/authorize"},
             {"device_url", "https://id.twitch.tv/oauth2/device"},
             {"validate_url", "https://id.twitch.tv/oauth2/validate"},
             {"client_auth", "post"},
             {"device_scope_param", "scopes"},
             {"device_request_auth", "omit"},
             {"scope_at_login", "send"},
             {"expiry", List{"expires_in", "reactive"}},
             {"fields", Table{{"error", "/message"}, {"error_description", ""}}},
             {"error_map", Table{{"Invalid refresh token", "reauth"},
                                 {"invalid device code", "reauth"},
                                 {"invalid client", "config"},
                                 {"invalid client secret", "config"},
                                 {"missing client secret", "config"},
                                 {"client does not exist", "config"}}}},
            {}};
}

// Bodies have errorCode and, mostly, the RFC's error beside it. Ids and secrets go into
// Basic as they are.
Preset epic() {
    return {"epic",
            {{"token_url", "https://api.epicgames.dev/epic/oauth/v2/token"},
             {"auth_url", "https://www.epicgames.com/id/authorize"},
             {"revoke_url", "https://api.epicgames.dev/epic/oauth/v2/revoke"},
             {"basic_encoding", "raw"},
             {"rotation", "single_use"},
             {"expiry", List{"expires_in", "expires_at", "jwt_exp", "fixed:7200"}},
             {"fields", Table{{"expires_at", "/expires_at"},
                              {"refresh_expires_in", "/refresh_expires_in"},
                              {"error", "/errorCode"},
                              {"error_description", "/errorMessage"}}},
             {"error_map",
              Table{{"errors.com.epicgames.account.auth_token.invalid_refresh_token", "reauth"},
                    {"errors.com.epicgames.account.invalid_client_credentials", "config"},
                    {"errors.com.epicgames.common.oauth.unauthorized_client", "config"}}}},
            {}};
}

// A reply to a refresh has no refresh token: the old one goes on. Only the first consent
// brings one, hence the prompt.
Preset google() {
    return {"google",
            {{"token_url", "https://oauth2.googleapis.com/token"},
             {"auth_url", "https://accounts.google.com/o/oauth2/v2/auth"},
             {"device_url", "https://oauth2.googleapis.com/device/code"},
             {"revoke_url", "https://oauth2.googleapis.com/revoke"},
             {"client_auth", "post"},
             {"device_request_auth", "omit"},
             {"rotation", "never"},
             {"auth_params", Table{{"access_type", "offline"}, {"prompt", "consent"}}}},
            {}};
}

Preset entra() {
    return {"entra",
            {{"token_url", "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"},
             {"auth_url", "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize"},
             {"device_url", "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode"},
             {"client_auth", "post"},
             {"refresh_ttl", "90d"},
             {"error_map", Table{{"interaction_required", "reauth"},
                                 {"login_required", "reauth"},
                                 {"consent_required", "reauth"}}}},
            {"tenant"}};
}

// refresh_expires_in is 0 for an offline token: it has no end.
Preset keycloak() {
    return {"keycloak",
            {{"token_url", "/realms/{realm}/protocol/openid-connect/token"},
             {"auth_url", "/realms/{realm}/protocol/openid-connect/auth"},
             {"device_url", "/realms/{realm}/protocol/openid-connect/auth/device"},
             {"revoke_url", "/realms/{realm}/protocol/openid-connect/revoke"},
             {"fields", Table{{"refresh_expires_in", "/refresh_expires_in"}}}},
            {"base_url", "realm"}};
}

const std::vector<Preset>& presets() {
    static const std::vector<Preset> all = {discord(), twitch(), epic(),
                                            google(),  entra(),  keycloak()};
    return all;
}

// "{tenant}" becomes the section's tenant, fit for a path.
providers::Value filled(const providers::Value& value, const ClientSettings& client) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return value;
    const std::size_t open = text->find('{');
    if (open == std::string::npos) return value;
    const std::size_t close = text->find('}', open);
    const auto* parameter = client.get<std::string>(text->substr(open + 1, close - open - 1));
    Secret encoded;
    append_query(encoded, parameter == nullptr ? "" : *parameter);
    return text->substr(0, open) + std::string(encoded.view()) + text->substr(close + 1);
}

}  // namespace

const Preset* find_preset(std::string_view name) {
    const auto& all = presets();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Preset& one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::vector<std::string_view> preset_names() {
    std::vector<std::string_view> names;
    for (const Preset& preset : presets())
        names.push_back(preset.name);
    return names;
}

ClientSettings with_preset(const ClientSettings& client) {
    const auto* name = client.get<std::string>("preset");
    const Preset* preset = name == nullptr ? nullptr : find_preset(*name);
    ClientSettings merged = client;
    if (preset == nullptr) return merged;
    for (const auto& [key, value] : preset->settings) {
        const auto [at, added] =
            merged.settings.try_emplace(key, Setting{filled(value, client), client.place});
        if (added) continue;
        auto* own = std::get_if<Table>(&at->second.value);
        const auto* ready = std::get_if<Table>(&value);
        if (own != nullptr && ready != nullptr) own->insert(ready->begin(), ready->end());
    }
    return merged;
}

}  // namespace tb::providers::oauth2
