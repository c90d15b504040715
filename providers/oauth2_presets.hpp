// Named sets of settings for servers that many people use.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "providers/settings.hpp"

namespace tb::providers::oauth2 {

struct Preset {
    std::string_view name;
    std::vector<std::pair<std::string, providers::Value>> settings;
    std::vector<std::string_view> required;  // keys without which it can't work
};

const Preset* find_preset(std::string_view name);  // nullptr if there is none
std::vector<std::string_view> preset_names();

}  // namespace tb::providers::oauth2
