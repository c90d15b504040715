// Every mistake of an oauth2 client section.
#pragma once

#include <vector>

#include "providers/settings.hpp"

namespace tb::providers::oauth2 {

std::vector<Mistake> check_settings(const ClientSettings& client);
// Allowed, but unlikely to be meant.
std::vector<Mistake> settings_warnings(const ClientSettings& client);

}  // namespace tb::providers::oauth2
