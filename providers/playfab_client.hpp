// What a playfab client section and an account's attributes say; shared by the checks and the
// exchange.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "providers/provider.hpp"
#include "providers/urls.hpp"

namespace tb::providers::playfab {

// What an account renews with.
enum class Mode : std::uint8_t {
    secret,  // the title's secret key, each time anew
    entity,  // the entity token in hand, while it is valid
    ticket,  // a player's session ticket, each time anew
};
Mode mode_of(const ClientSettings& client);
// mode = "entity" only: the title's secret key may take over when the entity token is dead.
bool falls_back_to_secret(const ClientSettings& client);

// ^[0-9A-Za-z]{1,16}$: it becomes a label of the host name.
bool good_title_id(std::string_view id);
std::string_view title_id_of(const ClientSettings& client);
// An error also where title_id is not good, so that no request is ever built from it.
Result<BaseUrl> base_of(const ClientSettings& client);
const std::map<std::string, std::string>* custom_tags_of(const ClientSettings& client);

// The entity that the account's tokens must be of.
struct Entity {
    std::string id;
    std::string type;
};
// nullopt: whichever the credential is of. An error names the attribute and what would be right.
Result<std::optional<Entity>> entity_of(
    const std::vector<std::pair<std::string, std::string>>& attributes);

std::unique_ptr<Exchange> begin_exchange(Context context);

}  // namespace tb::providers::playfab
