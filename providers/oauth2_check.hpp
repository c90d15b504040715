// Every mistake of an oauth2 client section.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "providers/settings_check.hpp"

namespace tb::providers::oauth2 {

std::vector<Mistake> check_settings(const ClientSettings& client);
// Allowed, but unlikely to be meant.
std::vector<Mistake> settings_warnings(const ClientSettings& client);

// What an operator wrote, for a message: without what a terminal would obey.
std::string shown(std::string_view text);

// A part of check_settings: the tables and lists of a section with its preset filled in.
void check_tables(const ClientSettings& client, SettingsCheck& check);

}  // namespace tb::providers::oauth2
