// Every mistake of an oauth2 client section.
#pragma once

#include <vector>

#include "providers/settings_check.hpp"

namespace tb::providers::oauth2 {

std::vector<Mistake> check_settings(const ClientSettings& client);
// Allowed, but unlikely to be meant.
std::vector<Mistake> settings_warnings(const ClientSettings& client);

// A part of check_settings: the tables and lists of a section with its preset filled in.
void check_tables(const ClientSettings& client, SettingsCheck& check);

}  // namespace tb::providers::oauth2
