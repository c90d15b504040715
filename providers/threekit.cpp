// Threekit: tokens that people make and delete in its web pages; they don't expire and can't be
// renewed, only looked after. What must stay true: a pasted token is trimmed at import and never
// later; a private token travels only in the Authorization header; no answer but 401 and 403 says
// anything about the token.
#include <fmt/format.h>

#include <algorithm>

#include "base/limits.hpp"
#include "providers/builtin.hpp"
#include "providers/scrub.hpp"
#include "providers/settings_check.hpp"
#include "providers/threekit_client.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers {
namespace threekit {
namespace {

class Threekit final : public Provider {
  public:
    std::string_view name() const override { return "threekit"; }
    std::vector<Mistake> check(const ClientSettings& client) const override;
    Traits traits(const ClientSettings& client) const override {
        Traits traits;
        traits.policy = Policy::static_token;
        traits.probes = true;
        traits.max_age = duration_setting(client, "max_age");
        if (is_public(client)) traits.parameters = {"origin"};
        return traits;
    }
    std::vector<std::string> grant_fields(const ClientSettings&) const override {
        return {"token"};
    }
    std::vector<std::string> attribute_names(const ClientSettings&) const override { return {}; }
    Result<Imported> import_grant(const ClientSettings& client,
                                  const std::vector<std::pair<std::string, std::string>>&,
                                  SecretSet raw) const override;
    Result<void> check_parameters(
        const ClientSettings& client,
        const std::vector<std::pair<std::string, std::string>>& attributes,
        const Parameters& parameters) const override;
    std::unique_ptr<Exchange> begin(Context context) const override {
        return begin_exchange(std::move(context));
    }
    std::string origin(const ClientSettings& client) const override {
        const auto base = base_of(client);
        return base ? base->origin : std::string();
    }
};

void check_domains(const ClientSettings& client, SettingsCheck& check) {
    const std::vector<std::string> domains = domains_of(client);
    for (const std::string& domain : domains)
        if (const auto good = check_domain(domain); !good)
            check.add("domains", fmt::format("holds \"{}\", which {}", Scrubber().clean(domain),
                                             good.error().message));
    const auto* origin = client.get<std::string>("origin");
    if (origin != nullptr) {
        const auto normal = normalize_origin(*origin);
        if (!normal) {
            check.add("origin", normal.error().message);
        } else if (!listed(client, *normal)) {
            check.add("origin", "is in none of the domains; the probe must come from one of them");
        }
    }
    if (!is_public(client)) {
        for (const std::string_view key : {"domains", "origin"})
            if (client.settings.contains(std::string(key)))
                check.add(key, "is only for public tokens; take it out or set kind = \"public\"");
        return;
    }
    if (domains.empty())
        check.add("domains",
                  "is missing; list the domains that the public token was made for, as "
                  "[\"shop.example.com\", \"*.example.com\"]");
    if (origin == nullptr)
        check.add("origin",
                  "is missing; a public token is probed from one of its domains, as "
                  "\"https://shop.example.com\"");
}

std::vector<Mistake> Threekit::check(const ClientSettings& client) const {
    SettingsCheck check(client);
    check.only({{"kind", Key::Type::text, {"private", "public"}},
                {"environment", Key::Type::text, {"preview", "admin"}},
                {"domains", Key::Type::list},
                {"origin", Key::Type::text},
                {"org_id", Key::Type::text},
                {"max_age", Key::Type::duration}});
    check.base_url(false);
    const bool environment = client.settings.contains("environment");
    if (client.base_url.empty() && !environment)
        check.add("base_url",
                  "is missing; write environment = \"preview\" or \"admin\", or the "
                  "https:// address of your environment as base_url");
    if (!client.base_url.empty() && environment)
        check.add("environment", "and base_url are both set; take one of the two out");
    if (!client.client_id.empty())
        check.add("client_id", "is nothing that Threekit has; take it out");
    if (!client.scopes.empty())
        check.add("scopes",
                  "is nothing that Threekit has; a token's rights are set where it is made");
    if (const auto* org = client.get<std::string>("org_id")) {
        check.plain("org_id", *org);
        if (org->empty())
            check.add("org_id", "is empty; take it out, or write the organisation's id");
    }
    check_domains(client, check);
    return check.take();
}

Result<void> Threekit::check_parameters(
    const ClientSettings& client,
    const std::vector<std::pair<std::string, std::string>>& attributes,
    const Parameters& parameters) const {
    if (auto known = Provider::check_parameters(client, attributes, parameters); !known)
        return known;
    const std::string* origin = parameters.find("origin");
    if (origin == nullptr || listed(client, *origin)) return {};
    return Error{errc::invalid_parameter,
                 "parameters.origin: the token would not work there, for it is in none of the "
                 "domains of client " +
                     client.name};
}

Result<Imported> Threekit::import_grant(const ClientSettings& client,
                                        const std::vector<std::pair<std::string, std::string>>&,
                                        SecretSet raw) const {
    for (const auto& [name, value] : raw.list())
        if (name != "token")
            return Error{errc::invalid_parameter,
                         fmt::format("grant field {} is not one of a threekit account; it has only "
                                     "token",
                                     name)};
    const Secret* given = raw.find("token");
    Imported imported;
    auto token =
        clean_token(given == nullptr ? std::string_view() : given->view(), imported.notices);
    if (!token) return token.error();
    imported.token = minted_from(client, *token, BootTime{});
    imported.grant.set("token", std::move(*token));
    return imported;
}

}  // namespace
}  // namespace threekit

const Provider& threekit_provider() {
    static const threekit::Threekit one;
    return one;
}

}  // namespace tb::providers
