// Immersve: a JSON exchange of a single-use refresh token for an access token of about 20 minutes
// and the next refresh token of about 30 days. There is no client secret: the refresh token alone
// is the credential, bound to an application and to the origins registered for it. A person logs in
// with a wallet, which the broker can't do: a dead grant is replaced by `account add --replace`.
// Here: what an operator configures and imports; immersve_exchange.cpp talks, immersve_reply.cpp
// listens.
#include <fmt/format.h>

#include "base/limits.hpp"
#include "providers/builtin.hpp"
#include "providers/immersve_client.hpp"
#include "providers/immersve_reply.hpp"
#include "providers/jwt_claims.hpp"
#include "providers/settings_check.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers {
namespace immersve {
namespace {

// A pasted token that lives shorter than this is rather an access token (20 minutes).
constexpr Millis refresh_token_lives_at_least{86'400'000};

class Immersve final : public Provider {
  public:
    std::string_view name() const override { return "immersve"; }
    std::vector<Mistake> check(const ClientSettings& client) const override;
    Traits traits(const ClientSettings&) const override {
        Traits traits;
        traits.policy = Policy::ahead;
        traits.single_use_grant = true;
        return traits;
    }
    std::vector<std::string> grant_fields(const ClientSettings&) const override {
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

std::vector<Mistake> Immersve::check(const ClientSettings& client) const {
    SettingsCheck check(client);
    check.only({{"origin", Key::Type::text}});
    check.base_url(false);
    if (client.client_id.empty())
        check.add("client_id",
                  "is missing; write the id of your client application at Immersve "
                  "(clientApplicationId), as \"29097f50d221858223a17633e36716f9\"");
    check.plain("client_id", client.client_id);
    if (!client.scopes.empty()) check.add("scopes", "is nothing that Immersve has; take it out");
    if (!client.settings.contains("origin")) {
        check.add("origin",
                  "is missing, and Immersve refuses requests without it; write one of the origins "
                  "registered for the application, as \"https://app.example.com\"");
    } else if (client.get<std::string>("origin") != nullptr) {
        if (const auto origin = origin_of(client); !origin)
            check.add("origin", origin.error().message);
    }
    return check.take();
}

Error refuse(std::string text) {
    return {errc::invalid_parameter, std::move(text)};
}

// How long the pasted token lives by its own claims. When it was issued is not looked at (an import
// knows no time); the first renewal, at once, brings the truth.
Millis grant_lifetime_of(std::string_view token, std::vector<std::string>& notices) {
    const auto claims = read_jwt_claims(token);
    if (!claims) {
        notices.emplace_back("this does not look like a JWT; taken as it is, to live 30 days");
        return immersve_refresh_lifetime;
    }
    if (!claims->expires || !claims->issued) return immersve_refresh_lifetime;
    const Millis lifetime = lifetime_of(*claims, *claims->issued).value_or(Millis{0});
    if (lifetime < refresh_token_lives_at_least)
        notices.push_back(
            fmt::format("this token lives for {} minutes: is it the accessToken? Wanted is the "
                        "refreshToken",
                        lifetime.count() / 60'000));
    return lifetime;
}

Result<Imported> Immersve::import_grant(const ClientSettings&,
                                        const std::vector<std::pair<std::string, std::string>>&,
                                        SecretSet raw) const {
    for (const auto& [name, value] : raw.list())
        if (name != "refresh_token")
            return refuse(fmt::format(
                "grant field {} is not one of an immersve account; it has only refresh_token",
                name));
    const Secret* given = raw.find("refresh_token");
    std::string_view token = given == nullptr ? std::string_view() : given->view();
    while (token.ends_with('\n') || token.ends_with('\r'))
        token.remove_suffix(1);
    if (token.empty()) return refuse("the refresh token is empty");
    if (token.size() > limits::secret_bytes_max)
        return refuse(
            fmt::format("refresh_token is longer than {} bytes", limits::secret_bytes_max));
    if (!good_refresh_token(token))
        return refuse(
            "the refresh token holds a line break, a control character or a letter beyond ASCII; "
            "give exactly the value of refreshToken");
    if (token.find_first_of(" {\"") != std::string_view::npos)
        return refuse(
            "this looks like more than a refresh token (JSON, quotes, or several words); give "
            "exactly the value of refreshToken");
    Imported imported;
    imported.grant_lifetime = grant_lifetime_of(token, imported.notices);
    imported.grant.set("refresh_token", Secret(token));
    return imported;
}

}  // namespace
}  // namespace immersve

const Provider& immersve_provider() {
    static const immersve::Immersve one;
    return one;
}

}  // namespace tb::providers
