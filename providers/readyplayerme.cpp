// Ready Player Me: a token for one user, minted when somebody asks for it and good for 15 s. The
// credential is the application's API key, a secret of the client; an account has no grant, only a
// name and access rules. The service ended on 31 January 2026: hence no default base_url.
// Here: what an operator configures and a caller asks; readyplayerme_exchange.cpp talks,
// readyplayerme_reply.cpp listens.
#include <fmt/format.h>

#include <algorithm>

#include "base/limits.hpp"
#include "providers/builtin.hpp"
#include "providers/readyplayerme_client.hpp"
#include "providers/readyplayerme_reply.hpp"
#include "providers/settings_check.hpp"

namespace tb::providers {
namespace readyplayerme {
namespace {

constexpr std::size_t user_id_bytes_max = 128;  // real ones have 24
constexpr std::size_t partner_bytes_max = 256;  // a subdomain: at most 63

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

class ReadyPlayerMe final : public Provider {
  public:
    std::string_view name() const override { return "readyplayerme"; }
    std::vector<Mistake> check(const ClientSettings& client) const override;
    std::vector<Mistake> warnings(const ClientSettings& client) const override;
    Traits traits(const ClientSettings& client) const override {
        Traits traits;
        traits.policy = Policy::on_demand;
        traits.hand_out_min = min_remaining_of(client);
        traits.longest_lifetime = readyplayerme_lifetime;
        traits.parameters = {"user_id"};
        return traits;
    }
    std::vector<std::string> client_secret_names(const ClientSettings&) const override {
        return {"api_key"};
    }
    std::vector<std::string> grant_fields(const ClientSettings&) const override { return {}; }
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

void check_partner(const ClientSettings& client, SettingsCheck& check) {
    const auto* partner = client.get<std::string>("partner");
    if (!client.settings.contains("partner") || (partner != nullptr && partner->empty()))
        check.add("partner",
                  "is missing; write your partner name at Ready Player Me, the subdomain of your "
                  "avatar creator, as \"readyplayermedemo\"");
    if (partner == nullptr) return;
    check.plain("partner", *partner);
    if (partner->size() > partner_bytes_max)
        check.add("partner", fmt::format("is longer than {} bytes; write only the subdomain",
                                         partner_bytes_max));
}

void check_times(const ClientSettings& client, SettingsCheck& check) {
    const auto min_remaining = duration_setting(client, "min_remaining");
    if (min_remaining && *min_remaining >= readyplayerme_lifetime)
        check.add("min_remaining",
                  "is more than a token can have left when it arrives: they live for 15 s; right "
                  "would be at most \"14s\"");
    const auto deadline = duration_setting(client, "deadline");
    if (deadline && *deadline > limits::exchange_timeout_ms)
        check.add("deadline",
                  "is longer than an exchange may take; right would be at most \"30s\"");
}

std::vector<Mistake> ReadyPlayerMe::check(const ClientSettings& client) const {
    SettingsCheck check(client);
    check.only({{"partner", Key::Type::text},
                {"min_remaining", Key::Type::duration},
                {"deadline", Key::Type::duration}});
    if (client.base_url.empty()) {
        check.add("base_url",
                  "is missing, and there is no default: the service ended on 31 January 2026, and "
                  "whoever gets hold of a lapsed host name would get your API key; write the "
                  "https:// address of a host you trust");
    } else {
        check.base_url(true);
    }
    if (!client.client_id.empty())
        check.add("client_id",
                  "is nothing that Ready Player Me wants here; take it out, and write the "
                  "subdomain as partner");
    if (!client.scopes.empty())
        check.add("scopes", "is nothing that Ready Player Me has; take it out");
    check_partner(client, check);
    check_times(client, check);
    return check.take();
}

std::vector<Mistake> ReadyPlayerMe::warnings(const ClientSettings& client) const {
    SettingsCheck check(client);
    const auto base = base_of(client);
    if (base && domain_matches("*.readyplayer.me", base->origin))
        check.add("base_url",
                  "leads to the service's own name, which ended on 31 January 2026: whoever gets "
                  "hold of it gets your API key. Better: the address of a host you trust");
    return check.take();
}

Result<Imported> ReadyPlayerMe::import_grant(
    const ClientSettings& client, const std::vector<std::pair<std::string, std::string>>&,
    SecretSet raw) const {
    if (raw.empty()) return Imported{};  // the client's key is all it takes
    return Error{errc::invalid_parameter,
                 fmt::format("a readyplayerme account has no secret of its own; the API key is the "
                             "client's: tokenbroker client set-secret {} --name api_key",
                             client.name)};
}

Result<void> ReadyPlayerMe::check_parameters(
    const ClientSettings& client,
    const std::vector<std::pair<std::string, std::string>>& attributes,
    const Parameters& parameters) const {
    if (auto known = Provider::check_parameters(client, attributes, parameters); !known)
        return known;
    const auto refuse = [](std::string text) {
        return Error{errc::invalid_parameter, "parameters.user_id " + std::move(text)};
    };
    const std::string* user = parameters.find("user_id");
    if (user == nullptr || user->empty())
        return refuse("is missing; a token is minted for one user, as 64943d471dc01e086ac887ee");
    if (user->size() > user_id_bytes_max)
        return refuse(fmt::format("is longer than {} bytes; real ones have 24", user_id_bytes_max));
    if (has_control(*user)) return refuse("holds a control character");
    return {};
}

}  // namespace

bool looks_like_user_id(std::string_view user_id) {
    return user_id.size() == 24 && std::all_of(user_id.begin(), user_id.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}  // namespace readyplayerme

const Provider& readyplayerme_provider() {
    static const readyplayerme::ReadyPlayerMe one;
    return one;
}

}  // namespace tb::providers
