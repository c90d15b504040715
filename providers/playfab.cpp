// PlayFab: entity tokens from GetEntityToken, by a title's secret key, by the entity token in hand
// or by a player's session ticket. Nothing is single use: repeating the call is harmless.
// The secret key belongs to the client, not to the account: it is the title's, one for all its
// accounts, comes from systemd's credentials like any server secret, is changed in one place when
// it is rolled over, and is also what a player's account may fall back on. So accounts in mode
// secret have no grant at all.
// Here: what an operator configures and imports; playfab_client.cpp reads it, playfab_exchange.cpp
// talks, playfab_reply.cpp listens.
#include <fmt/format.h>

#include <algorithm>

#include "base/limits.hpp"
#include "providers/builtin.hpp"
#include "providers/playfab_client.hpp"
#include "providers/settings_check.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers {
namespace playfab {
namespace {

class Playfab final : public Provider {
  public:
    std::string_view name() const override { return "playfab"; }
    std::vector<Mistake> check(const ClientSettings& client) const override;
    Traits traits(const ClientSettings&) const override {
        Traits traits;
        traits.policy = Policy::ahead;
        // PlayFab's advice is halfway; later leaves too little room, sooner shows up as log-ins.
        traits.renew_from = 0.45;
        traits.renew_to = 0.55;
        // Each renewal counts as a log-in of the player and against the title's limits, so callers
        // that take any refusal for a bad token must not set off one each.
        traits.min_age_at_report = Millis{60'000};
        return traits;
    }
    std::vector<std::string> client_secret_names(const ClientSettings& client) const override {
        if (mode_of(client) == Mode::secret || falls_back_to_secret(client)) return {"secret_key"};
        return {};
    }
    std::vector<std::string> grant_fields(const ClientSettings& client) const override {
        switch (mode_of(client)) {
            case Mode::secret:
                return {};
            case Mode::ticket:
                return {"session_ticket"};
            case Mode::entity:
                break;
        }
        if (falls_back_to_secret(client)) return {"entity_token"};
        return {"entity_token", "session_ticket"};
    }
    std::vector<std::string> attribute_names(const ClientSettings&) const override {
        return {"entity_id", "entity_type"};
    }
    Result<Imported> import_grant(
        const ClientSettings& client,
        const std::vector<std::pair<std::string, std::string>>& attributes,
        SecretSet raw) const override;
    std::unique_ptr<Exchange> begin(Context context) const override {
        return begin_exchange(std::move(context));
    }
    std::string origin(const ClientSettings& client) const override {
        const auto base = base_of(client);
        return base ? base->origin : std::string();
    }
};

void check_tags(const ClientSettings& client, SettingsCheck& check) {
    constexpr std::size_t tags_max = 16;
    constexpr std::size_t bytes_max = 256;
    const auto* tags = custom_tags_of(client);
    if (tags == nullptr) return;
    if (tags->size() > tags_max)
        check.add("custom_tags", fmt::format("has {} entries; write at most {}, for they travel "
                                             "with every request",
                                             tags->size(), tags_max));
    for (const auto& [name, value] : *tags) {
        check.plain("custom_tags", name);
        check.plain("custom_tags", value);
        if (name.empty() || name.size() > bytes_max || value.size() > bytes_max)
            check.add("custom_tags",
                      fmt::format("has an entry without a name, or of more than {} bytes; write "
                                  "short ones, as {{ build = \"1.2.3\" }}",
                                  bytes_max));
    }
}

std::vector<Mistake> Playfab::check(const ClientSettings& client) const {
    SettingsCheck check(client);
    check.only({{"title_id", Key::Type::text},
                {"mode", Key::Type::text, {"secret", "entity", "ticket"}},
                {"fallback", Key::Type::text, {"secret_key"}},
                {"custom_tags", Key::Type::table}});
    check.base_url(false);
    if (!client.settings.contains("title_id"))
        check.add("title_id",
                  "is missing; write the title's id from Game Manager, as title_id = \"A1B2C\"");
    else if (const auto* id = client.get<std::string>("title_id");
             id != nullptr && !good_title_id(*id))
        check.add("title_id",
                  "must be 1 to 16 letters and digits, as \"A1B2C\"; it becomes part of the host "
                  "name. Another host is base_url");
    if (!client.client_id.empty())
        check.add("client_id", "is nothing that PlayFab has; the title is named by title_id");
    if (!client.scopes.empty())
        check.add("scopes",
                  "is nothing that PlayFab has; what a token may do is set by its entity");
    if (client.settings.contains("fallback") && mode_of(client) != Mode::entity)
        check.add("fallback", "is only for mode = \"entity\"; take it out");
    check_tags(client, check);
    return check.take();
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t from = text.find_first_not_of(blanks);
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(blanks) + 1 - from);
}

std::string not_a_field(std::string_view name, Mode mode) {
    if (name == "secret_key")
        return "the secret key is the title's, not an account's: write secret_key = { stored = "
               "true } into the client section and run: tokenbroker client set-secret CLIENT "
               "--name secret_key";
    if (mode == Mode::secret)
        return fmt::format(
            "grant field {} is not one of a playfab account with mode = \"secret\", "
            "which has none",
            name);
    return fmt::format("grant field {} is not one of a playfab account with mode = \"{}\"", name,
                       mode == Mode::entity ? "entity" : "ticket");
}

Result<Imported> Playfab::import_grant(
    const ClientSettings& client,
    const std::vector<std::pair<std::string, std::string>>& attributes, SecretSet raw) const {
    const auto refuse = [](std::string text) {
        return Error{errc::invalid_parameter, std::move(text)};
    };
    if (const auto entity = entity_of(attributes); !entity) return entity.error();
    const Mode mode = mode_of(client);
    const std::vector<std::string> fields = grant_fields(client);
    Imported imported;
    for (const auto& [name, value] : raw.list()) {
        const std::string_view clean = trimmed(value->view());
        if (clean.empty()) continue;  // as good as not given
        if (std::find(fields.begin(), fields.end(), name) == fields.end())
            return refuse(not_a_field(name, mode));
        if (clean.front() == '{' || clean.front() == '"')
            return refuse(
                fmt::format("this looks like JSON; give exactly the value of the {}, "
                            "without quotes",
                            name));
        if (!good_access_token(clean))
            return refuse(
                fmt::format("the {} holds a space, a line break or a letter beyond "
                            "ASCII, or is too long; give exactly its value",
                            name));
        imported.grant.set(name, Secret(clean));
    }
    if (!imported.grant.empty() || mode == Mode::secret) return imported;
    if (falls_back_to_secret(client)) {
        imported.notices.emplace_back(
            "no entity token given; the first one is got with the title's secret key");
        return imported;
    }
    return refuse(fmt::format("the {} is empty", fields.front()));
}

}  // namespace
}  // namespace playfab

const Provider& playfab_provider() {
    static const playfab::Playfab one;
    return one;
}

}  // namespace tb::providers
