// Any OAuth2 server by configuration alone: grants refresh_token and client_credentials, logins by
// authorization code and by device. Here: what a section says about policy; oauth2_setup.cpp reads
// it, oauth2_check.cpp judges it, oauth2_exchange.cpp talks, oauth2_reply.cpp listens.
#include <algorithm>

#include "providers/builtin.hpp"
#include "providers/login.hpp"
#include "providers/oauth2_check.hpp"
#include "providers/oauth2_exchange.hpp"
#include "providers/oauth2_login.hpp"

namespace tb::providers {
namespace oauth2 {
namespace {

class OAuth2 final : public Provider {
  public:
    std::string_view name() const override { return "oauth2"; }
    std::vector<Mistake> check(const ClientSettings& client) const override {
        return check_settings(client);
    }
    std::vector<Mistake> warnings(const ClientSettings& client) const override {
        return settings_warnings(client);
    }
    Traits traits(const ClientSettings& client) const override;
    std::vector<std::string> client_secret_names(const ClientSettings& client) const override {
        switch (setup_of(client).client_auth) {
            case ClientAuth::none:
                return {};
            case ClientAuth::private_key_jwt:
                return {"private_key"};
            default:
                return {"client_secret"};
        }
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
        return std::make_shared<PreparedSetup>(setup_of(client));
    }
    std::unique_ptr<Exchange> begin(Context context) const override {
        return begin_prepared(std::move(context), setup_of);
    }
    std::vector<LoginFlow> login_flows(const ClientSettings& client) const override {
        return flows_of(setup_of(client));
    }
    std::unique_ptr<Login> begin_login(Context context, LoginRequest request) const override {
        Setup setup = setup_of(context.client);
        return oauth2::begin_login(std::move(setup), std::move(context), std::move(request));
    }
    std::string origin(const ClientSettings& client) const override;
};

Traits OAuth2::traits(const ClientSettings& client) const {
    const Setup setup = setup_of(client);
    Traits traits;
    traits.policy = Policy::ahead;
    traits.single_use_grant = setup.spends_grant();
    traits.revokes = setup.grant == Grant::refresh_token && (setup.revoke || !setup.issuer.empty());
    if (setup.validate) traits.validate_every = setup.validate_every;
    traits.longest_lifetime = setup.max_lifetime;
    if (const auto* fraction = client.get<double>("renew_fraction")) {
        constexpr double spread = 0.05;
        traits.renew_from = *fraction - spread;
        traits.renew_to = *fraction + spread;
    }
    return traits;
}

std::string OAuth2::origin(const ClientSettings& client) const {
    const Setup setup = setup_of(client);
    if (setup.token) return setup.token->origin;
    const auto base = parse_base_url(setup.issuer, setup.loopback_http);
    return base ? base->origin : std::string();
}

}  // namespace
}  // namespace oauth2

const Provider& oauth2_provider() {
    static const oauth2::OAuth2 one;
    return one;
}

}  // namespace tb::providers
