// Reading a checked client section and an account's attributes. What must stay true: no origin
// comes of a title id that is not good, checked or not.
#include "providers/playfab_client.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "providers/scrub.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::playfab {

Mode mode_of(const ClientSettings& client) {
    const auto* mode = client.get<std::string>("mode");
    if (mode == nullptr) return Mode::secret;
    if (*mode == "entity") return Mode::entity;
    return *mode == "ticket" ? Mode::ticket : Mode::secret;
}

bool falls_back_to_secret(const ClientSettings& client) {
    const auto* fallback = client.get<std::string>("fallback");
    return mode_of(client) == Mode::entity && fallback != nullptr && *fallback == "secret_key";
}

bool good_title_id(std::string_view id) {
    constexpr std::size_t letters_max = 16;
    return !id.empty() && id.size() <= letters_max && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    });
}

std::string_view title_id_of(const ClientSettings& client) {
    const auto* id = client.get<std::string>("title_id");
    return id == nullptr ? std::string_view() : std::string_view(*id);
}

Result<BaseUrl> base_of(const ClientSettings& client) {
    const std::string_view id = title_id_of(client);
    if (!good_title_id(id))
        return Error{errc::misconfigured, "title_id must be 1 to 16 letters and digits"};
    if (client.base_url.empty())
        return parse_base_url(fmt::format("https://{}.playfabapi.com", id), false);
    auto base = parse_base_url(client.base_url, client.allow_loopback_http);
    if (!base) return Error{errc::misconfigured, "base_url " + base.error().message};
    return base;
}

const std::map<std::string, std::string>* custom_tags_of(const ClientSettings& client) {
    return client.get<std::map<std::string, std::string>>("custom_tags");
}

Result<std::optional<Entity>> entity_of(
    const std::vector<std::pair<std::string, std::string>>& attributes) {
    constexpr std::size_t bytes_max = 128;
    const auto refuse = [](std::string text) {
        return Error{errc::invalid_parameter, std::move(text)};
    };
    Entity entity;
    for (const auto& [name, value] : attributes) {
        if (name != "entity_id" && name != "entity_type")
            return refuse(
                fmt::format("attribute {} is not one of a playfab account, which has "
                            "entity_id and entity_type",
                            Scrubber().clean(name)));
        (name == "entity_id" ? entity.id : entity.type) = value;
    }
    if (entity.id.empty() && entity.type.empty()) return std::optional<Entity>();
    if (entity.id.empty() || entity.type.empty())
        return refuse("entity_id and entity_type belong together; give both, or none");
    if (!good_scope(entity.id) || entity.id.size() > bytes_max)
        return refuse("entity_id must be printable ASCII without spaces and quotes, as \"A1B2C\"");
    const bool plain = std::all_of(entity.type.begin(), entity.type.end(),
                                   [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
    if (!plain || entity.type.size() > bytes_max)
        return refuse(
            "entity_type must be one of PlayFab's types in lower case, as \"title\" or "
            "\"title_player_account\"");
    return std::optional<Entity>(std::move(entity));
}

}  // namespace tb::providers::playfab
