// Webroot ("Unity API"): OAuth2 with a rotating refresh token, access tokens of 299 s. A refresh
// token is treated as single use: what happens to the old one is documented nowhere.
// Here: what an operator configures and imports; webroot_exchange.cpp talks, webroot_reply.cpp
// listens.
#include <fmt/format.h>

#include <algorithm>

#include "base/limits.hpp"
#include "providers/builtin.hpp"
#include "providers/scrub.hpp"
#include "providers/settings_check.hpp"
#include "providers/token_rules.hpp"
#include "providers/webroot_client.hpp"

namespace tb::providers {
namespace {

using namespace webroot;

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
        if (password_allowed(client)) return {"refresh_token", "username", "password"};
        return {"refresh_token"};
    }
    std::vector<std::string> attribute_names(const ClientSettings&) const override { return {}; }
    Result<Imported> import_grant(const ClientSettings& client,
                                  const std::vector<std::pair<std::string, std::string>>&,
                                  SecretSet raw) const override;
    std::unique_ptr<Exchange> begin(Context context) const override {
        return begin_exchange(std::move(context));
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
                {"refresh_ttl", Key::Type::duration},
                {"password_grant", Key::Type::flag}});
    check.base_url(false);
    if (client.client_id.empty())
        check.add("client_id", "is missing; write the id that Webroot gave your application");
    check.plain("client_id", client.client_id);
    const bool basic = !credentials_in_body(client);
    if (basic && encoding_of(client) == BasicEncoding::raw &&
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

Secret without_line_end(const Secret& value) {
    std::string_view text = value.view();
    while (text.ends_with('\n') || text.ends_with('\r'))
        text.remove_suffix(1);
    return Secret(text);
}

Result<Imported> Webroot::import_grant(const ClientSettings& client,
                                       const std::vector<std::pair<std::string, std::string>>&,
                                       SecretSet raw) const {
    const std::vector<std::string> fields = grant_fields(client);
    const auto refuse = [](std::string text) {
        return Error{errc::invalid_parameter, std::move(text)};
    };
    Imported imported;
    for (const auto& [name, value] : raw.list()) {
        if (std::find(fields.begin(), fields.end(), name) == fields.end())
            return refuse(fmt::format("grant field {} is not one of a webroot account{}", name,
                                      name == "password" || name == "username"
                                          ? "; it needs password_grant = true in the client"
                                          : ""));
        Secret clean = without_line_end(*value);
        if (clean.empty()) continue;
        if (clean.size() > limits::secret_bytes_max)
            return refuse(
                fmt::format("{} is longer than {} bytes", name, limits::secret_bytes_max));
        if (name == "refresh_token" && !good_refresh_token(clean.view()))
            return refuse(
                "the refresh token holds a line break, a control character or a letter "
                "beyond ASCII; give exactly the value of refresh_token");
        if (name == "refresh_token" &&
            (clean.view().starts_with('{') || clean.view().find(' ') != std::string_view::npos))
            return refuse(
                "this looks like more than a refresh token (JSON, or several words); "
                "give exactly the value of refresh_token");
        imported.grant.set(name, std::move(clean));
    }
    if (imported.grant.find("refresh_token") != nullptr) {
        imported.grant_lifetime = refresh_ttl(client);
        return imported;
    }
    if (imported.grant.find("username") != nullptr && imported.grant.find("password") != nullptr) {
        imported.notices.emplace_back(
            "no refresh token given; the first renewal uses the password");
        return imported;
    }
    return refuse("the refresh token is empty");
}

}  // namespace

const Provider& webroot_provider() {
    static const Webroot one;
    return one;
}

}  // namespace tb::providers
