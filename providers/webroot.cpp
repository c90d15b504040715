// Webroot ("Unity API"): OAuth2 with a rotating refresh token, access tokens of 299 s. A refresh
// token is treated as single use: what happens to the old one is documented nowhere.
// Here: what an operator configures; the code of oauth2_*.cpp does the rest from setup().
#include <fmt/format.h>

#include <algorithm>

#include "providers/builtin.hpp"
#include "providers/login.hpp"
#include "providers/oauth2_exchange.hpp"
#include "providers/oauth2_login.hpp"
#include "providers/scrub.hpp"
#include "providers/settings_check.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers {
namespace {

constexpr std::string_view default_base_url = "https://unityapi.webrootcloudav.com";
// Both documented. Replies say 299 s; it is what a reply without expires_in means.
constexpr Millis default_refresh_ttl{std::int64_t{14} * 86'400'000};
constexpr Millis default_lifetime{299'000};

bool is_set(const ClientSettings& client, std::string_view key, std::string_view value) {
    const auto* text = client.get<std::string>(key);
    return text != nullptr && *text == value;
}

bool password_allowed(const ClientSettings& client) {
    const bool* flag = client.get<bool>("password_grant");
    return flag != nullptr && *flag;
}

std::string base_url_of(const ClientSettings& client) {
    return client.base_url.empty() ? std::string(default_base_url) : client.base_url;
}

Result<BaseUrl> base_of(const ClientSettings& client) {
    return parse_base_url(base_url_of(client), client.allow_loopback_http);
}

oauth2::Setup setup_of(const ClientSettings& client) {
    oauth2::Setup setup;
    if (const auto base = base_of(client)) {
        setup.token = Endpoint{base->origin, base->prefix + "/auth/token"};
        setup.authorize = Endpoint{base->origin, base->prefix + "/auth/authorize"};
    }
    if (const auto* written = client.get<std::string>("auth_url"))
        if (auto endpoint = parse_endpoint(*written, client.allow_loopback_http))
            setup.authorize = std::move(*endpoint);
    setup.loopback_http = client.allow_loopback_http;
    if (is_set(client, "client_auth", "post")) setup.client_auth = oauth2::ClientAuth::post;
    if (!is_set(client, "basic_encoding", "form")) setup.basic_encoding = BasicEncoding::raw;
    setup.client_id = client.client_id;
    setup.scopes = client.scopes;
    setup.scope_on_refresh = true;  // it wants them with every request
    setup.scope_at_login = true;
    setup.scopes_ignore_case = true;  // it grants ECom.Shop for ecom.shop
    setup.user_agent = oauth2::default_user_agent;
    if (const auto* agent = client.get<std::string>("user_agent")) setup.user_agent = *agent;
    setup.expiry = {{oauth2::Expiry::Kind::expires_in, {}},
                    {oauth2::Expiry::Kind::fixed, default_lifetime}};
    setup.rotation = oauth2::Rotation::single_use;
    setup.refresh_ttl = duration_setting(client, "refresh_ttl").value_or(default_refresh_ttl);
    setup.nested_errors = true;
    setup.password_grant = password_allowed(client);
    return setup;
}

// "name/1.2.3", printable; Webroot may reject anything else.
bool good_user_agent(std::string_view agent) {
    const std::size_t slash = agent.find('/');
    constexpr std::size_t bytes_max = 256;
    if (slash == std::string_view::npos || slash == 0 || agent.size() > bytes_max) return false;
    const std::string_view version = agent.substr(slash + 1);
    if (version.empty() || version.front() < '0' || version.front() > '9') return false;
    const bool plain_name = agent.substr(0, slash).find(' ') == std::string_view::npos;
    return plain_name && good_refresh_token(agent);  // 0x20-0x7E
}

class Webroot final : public Provider {
  public:
    std::string_view name() const override { return "webroot"; }
    std::vector<Mistake> check(const ClientSettings& client) const override;
    std::vector<Mistake> warnings(const ClientSettings& client) const override;
    Traits traits(const ClientSettings&) const override {
        Traits traits;
        traits.policy = Policy::ahead;
        traits.single_use_grant = true;
        return traits;
    }
    std::vector<std::string> client_secret_names(const ClientSettings&) const override {
        return {"client_secret"};
    }
    std::vector<std::string> grant_fields(const ClientSettings& client) const override {
        return oauth2::grant_fields(setup_of(client));
    }
    std::vector<std::string> attribute_names(const ClientSettings&) const override { return {}; }
    Result<Imported> import_grant(const ClientSettings& client,
                                  const std::vector<std::pair<std::string, std::string>>&,
                                  SecretSet raw) const override {
        return oauth2::import_grant(setup_of(client), name(), std::move(raw));
    }
    std::shared_ptr<const Prepared> prepare(const ClientSettings& client) const override {
        return std::make_shared<oauth2::PreparedSetup>(setup_of(client));
    }
    std::unique_ptr<Exchange> begin(Context context) const override {
        return oauth2::begin_prepared(std::move(context), setup_of);
    }
    std::vector<LoginFlow> login_flows(const ClientSettings& client) const override {
        return oauth2::flows_of(setup_of(client));
    }
    std::unique_ptr<Login> begin_login(Context context, LoginRequest request) const override {
        oauth2::Setup setup = setup_of(context.client);
        return oauth2::begin_login(std::move(setup), std::move(context), std::move(request));
    }
    std::string origin(const ClientSettings& client) const override {
        const auto base = base_of(client);
        return base ? base->origin : std::string();
    }
};

std::vector<Mistake> Webroot::check(const ClientSettings& client) const {
    SettingsCheck check(client);
    check.only({{"client_auth", Key::Type::text, {"basic", "post"}},
                {"basic_encoding", Key::Type::text, {"raw", "form"}},
                {"user_agent", Key::Type::text},
                {"auth_url", Key::Type::text},
                {"refresh_ttl", Key::Type::duration},
                {"password_grant", Key::Type::flag}});
    check.base_url(false);
    if (client.client_id.empty())
        check.add("client_id", "is missing; write the id that Webroot gave your application");
    check.plain("client_id", client.client_id);
    const bool basic = !is_set(client, "client_auth", "post");
    if (basic && !is_set(client, "basic_encoding", "form") &&
        client.client_id.find(':') != std::string::npos)
        check.add("client_id",
                  "holds a colon, which raw Basic credentials can't carry; set client_auth = "
                  "\"post\" or basic_encoding = \"form\"");
    if (client.scopes.empty())
        check.add("scopes",
                  "is missing or empty, and Webroot wants it with every request; write "
                  "for instance scopes = [\"ECom.Shop\"]");
    for (const std::string& scope : client.scopes)
        if (!good_scope(scope))
            check.add("scopes",
                      fmt::format("holds \"{}\", which is no scope: one word in printable "
                                  "ASCII without quotes, backslashes and spaces",
                                  Scrubber().clean(scope)));
    if (const auto* page = client.get<std::string>("auth_url"))
        if (const auto good = parse_endpoint(*page, client.allow_loopback_http); !good)
            check.add("auth_url", good.error().message);
    const auto* agent = client.get<std::string>("user_agent");
    if (agent != nullptr && !good_user_agent(*agent))
        check.add("user_agent",
                  "must have the form name/version, as \"shop-backend/1.2.3\"; "
                  "Webroot may reject others");
    if (!basic && client.settings.contains("basic_encoding"))
        check.add("basic_encoding",
                  "says nothing with client_auth = \"post\"; take one of the two out");
    return check.take();
}

std::vector<Mistake> Webroot::warnings(const ClientSettings& client) const {
    SettingsCheck check(client);
    if (password_allowed(client))
        check.add("password_grant",
                  "lets the broker keep a person's password; RFC 9700 says not to use it, and it "
                  "ends with multi-factor sign-in. Better: leave it out and enrol a refresh token");
    return check.take();
}

}  // namespace

const Provider& webroot_provider() {
    static const Webroot one;
    return one;
}

}  // namespace tb::providers
