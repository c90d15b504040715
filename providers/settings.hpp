// The settings of a client section, as the config loader hands them to a provider: plain values by
// key, with their lines, so that a provider's complaint can name file and line. What a provider
// doesn't ask for is an unknown key.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tb::providers {

using Value = std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>,
                           std::map<std::string, std::string>>;

struct Setting {
    Value value;
    std::string place;  // "tokenbroker.toml:12"
};

struct Mistake {
    std::string place;  // of the key, or of the section when a key is missing
    std::string text;   // what is wrong, and what would be right
};

// One client section. The keys that every client has are members; the rest is in `settings`.
struct ClientSettings {
    std::string name;      // "shop"
    std::string provider;  // "webroot"
    std::string place;     // of the section
    std::string base_url;  // as written; empty if absent
    std::string client_id;
    std::vector<std::string> scopes;
    bool allow_loopback_http = false;  // for tests: plain http to 127.0.0.1, ::1 and localhost
    std::map<std::string, Setting> settings;

    // nullptr if absent or of another type (check() has complained by then).
    template <class T>
    const T* get(std::string_view key) const {
        const auto found = settings.find(std::string(key));
        return found == settings.end() ? nullptr : std::get_if<T>(&found->second.value);
    }
};

}  // namespace tb::providers
