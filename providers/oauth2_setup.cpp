// From settings to a Setup. Nothing is judged here: oauth2_check.cpp has complained by then.
#include "providers/oauth2_setup.hpp"

#include <algorithm>
#include <array>

#include "base/limits.hpp"
#include "providers/settings_check.hpp"

namespace tb::providers::oauth2 {
namespace {

using Table = std::map<std::string, std::string>;

std::string_view text_of(const ClientSettings& client, std::string_view key) {
    const auto* text = client.get<std::string>(key);
    return text == nullptr ? std::string_view() : std::string_view(*text);
}

void take(const ClientSettings& client, std::string_view key, std::string& into) {
    if (const auto* text = client.get<std::string>(key)) into = *text;
}

std::optional<Endpoint> endpoint(const ClientSettings& client, std::string_view key) {
    auto found = endpoint_of(client, key);
    if (!found) return std::nullopt;
    return std::move(*found);
}

Pairs pairs_of(const ClientSettings& client, std::string_view key) {
    const auto* table = client.get<Table>(key);
    return table == nullptr ? Pairs() : Pairs(table->begin(), table->end());
}

std::vector<std::string> list_of(const ClientSettings& client, std::string_view key) {
    const auto* list = client.get<std::vector<std::string>>(key);
    return list == nullptr ? std::vector<std::string>() : *list;
}

ClientAuth auth_of(std::string_view text) {
    if (text == "post") return ClientAuth::post;
    if (text == "none") return ClientAuth::none;
    if (text == "private_key_jwt") return ClientAuth::private_key_jwt;
    return ClientAuth::basic;
}

Rotation rotation_of(std::string_view text) {
    if (text == "single_use") return Rotation::single_use;
    if (text == "never") return Rotation::never;
    return Rotation::automatic;
}

Fields fields_of(const ClientSettings& client) {
    Fields fields;
    const std::array<std::pair<std::string_view, std::string*>, 9> known = {{
        {"access", &fields.access},
        {"refresh", &fields.refresh},
        {"expires_in", &fields.expires_in},
        {"expires_at", &fields.expires_at},
        {"refresh_expires_in", &fields.refresh_expires_in},
        {"token_type", &fields.token_type},
        {"scope", &fields.scope},
        {"error", &fields.error},
        {"error_description", &fields.error_description},
    }};
    for (const auto& [name, pointer] : pairs_of(client, "fields"))
        for (const auto& [key, into] : known)
            if (key == name) *into = pointer;
    return fields;
}

void take_lists(const ClientSettings& client, Setup& setup) {
    for (const std::string& one : list_of(client, "expiry"))
        if (const auto expiry = parse_expiry(one)) setup.expiry.push_back(*expiry);
    if (setup.expiry.empty()) {
        // 600 s: what MSAL takes for a token that says nothing.
        setup.expiry = {{Expiry::Kind::expires_in, {}},
                        {Expiry::Kind::expires_at, {}},
                        {Expiry::Kind::jwt_exp, {}},
                        {Expiry::Kind::fixed, Millis{600'000}}};
    }
    for (const auto& [code, meaning] : pairs_of(client, "error_map"))
        if (const auto known = parse_meaning(meaning)) setup.error_map.emplace_back(code, *known);
    if (client.settings.contains("success_statuses")) setup.success_statuses.clear();
    for (const std::string& one : list_of(client, "success_statuses"))
        if (const auto status = parse_success_status(one))
            setup.success_statuses.push_back(*status);
}

}  // namespace

std::string Setup::joined_scopes() const {
    std::string out;
    for (const std::string& scope : scopes)
        out += (out.empty() ? "" : " ") + scope;
    return out;
}

Result<Endpoint> endpoint_of(const ClientSettings& client, std::string_view key) {
    const std::string_view text = text_of(client, key);
    if (!text.starts_with('/')) return parse_endpoint(text, client.allow_loopback_http);
    if (client.base_url.empty())
        return Error{errc::config,
                     "is a path, which needs a base_url in front; write the whole https:// "
                     "address, or a base_url"};
    const auto base = parse_base_url(client.base_url, client.allow_loopback_http);
    if (!base) return Error{errc::config, "is a path behind a base_url that is wrong"};
    return parse_endpoint(base->origin + base->prefix + std::string(text),
                          client.allow_loopback_http);
}

std::optional<Expiry> parse_expiry(std::string_view text) {
    using Kind = Expiry::Kind;
    static constexpr std::array<std::pair<std::string_view, Kind>, 4> plain = {{
        {"expires_in", Kind::expires_in},
        {"expires_at", Kind::expires_at},
        {"jwt_exp", Kind::jwt_exp},
        {"reactive", Kind::reactive},
    }};
    for (const auto& [name, kind] : plain)
        if (text == name) return Expiry{kind, {}};
    constexpr std::string_view fixed = "fixed:";
    if (!text.starts_with(fixed)) return std::nullopt;
    const auto span = parse_duration(std::string(text.substr(fixed.size())) + "s");
    if (!span) return std::nullopt;
    return Expiry{Kind::fixed, *span};
}

std::optional<Meaning> parse_meaning(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, Meaning>, 4> all = {{
        {"retry", Meaning::retry},
        {"reauth", Meaning::reauth},
        {"config", Meaning::config},
        {"never", Meaning::never},
    }};
    for (const auto& [name, meaning] : all)
        if (text == name) return meaning;
    return std::nullopt;
}

std::optional<int> parse_success_status(std::string_view text) {
    const bool fits =
        text.size() == 3 && text.front() == '2' &&
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!fits) return std::nullopt;
    return 200 + (text[1] - '0') * 10 + (text[2] - '0');
}

Setup setup_of(const ClientSettings& written) {
    const ClientSettings client = with_preset(written);
    Setup setup;
    setup.token = endpoint(client, "token_url");
    setup.authorize = endpoint(client, "auth_url");
    setup.device = endpoint(client, "device_url");
    setup.revoke = endpoint(client, "revoke_url");
    setup.validate = endpoint(client, "validate_url");
    if (const auto every = duration_setting(client, "validate_interval"))
        setup.validate_every = *every;
    take(client, "issuer", setup.issuer);
    setup.loopback_http = client.allow_loopback_http;
    if (text_of(client, "grant") == "client_credentials") setup.grant = Grant::client_credentials;
    setup.client_auth = auth_of(text_of(client, "client_auth"));
    if (text_of(client, "basic_encoding") == "raw") setup.basic_encoding = BasicEncoding::raw;
    setup.client_id = client.client_id;
    take(client, "kid", setup.key_id);
    setup.audience_is_issuer = text_of(client, "assertion_audience") == "issuer";
    setup.device_request_auth = text_of(client, "device_request_auth") != "omit";
    setup.scopes = client.scopes;
    setup.require_scopes = list_of(client, "require_scopes");
    setup.scope_on_refresh = text_of(client, "scope_on_refresh") == "send";
    setup.scope_at_login = text_of(client, "scope_at_login") == "send";
    setup.scopes_ignore_case = text_of(client, "scope_compare") == "icase";
    take(client, "scope_param", setup.scope_param);
    setup.device_scope_param = setup.scope_param;
    take(client, "device_scope_param", setup.device_scope_param);
    setup.extra_params = pairs_of(client, "extra_params");
    setup.auth_params = pairs_of(client, "auth_params");
    setup.device_params = pairs_of(client, "device_params");
    setup.extra_headers = pairs_of(client, "extra_headers");
    setup.user_agent = default_user_agent;
    take(client, "user_agent", setup.user_agent);
    setup.fields = fields_of(client);
    setup.rotation = rotation_of(text_of(client, "rotation"));
    setup.refresh_ttl = duration_setting(client, "refresh_ttl");
    setup.max_lifetime = duration_setting(client, "max_lifetime");
    take_lists(client, setup);
    return setup;
}

}  // namespace tb::providers::oauth2
