// The wording of every complaint has the same shape: which key, what is wrong, what would be right.
#include "providers/settings_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/limits.hpp"
#include "providers/urls.hpp"

namespace tb::providers {
namespace {

// Keys that the config loader takes out of every client section; here for the suggestions.
constexpr std::array<std::string_view, 13> common_keys = {
    "provider", "base_url",        "client_id", "client_secret", "scopes",   "allow_loopback_http",
    "policy",   "ambiguous_retry", "ca_file",   "proxy",         "no_proxy", "probe",
    "strict"};

// Levenshtein; keys are short.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t swapped = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({swapped, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

std::string_view nearest(std::string_view name, const std::vector<Key>& keys) {
    std::string_view best;
    std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
    const auto look = [&](std::string_view candidate) {
        const std::size_t d = distance(name.substr(0, 64), candidate);
        if (d >= least) return;
        least = d;
        best = candidate;
    };
    for (const Key& key : keys)
        look(key.name);
    for (const std::string_view key : common_keys)
        look(key);
    return best;
}

std::string quoted_list(const std::vector<std::string_view>& words) {
    std::string out;
    for (const std::string_view word : words)
        out += fmt::format("{}\"{}\"", out.empty() ? "" : " or ", word);
    return out;
}

}  // namespace

void SettingsCheck::add(std::string_view key, std::string text) {
    const auto found = client_.settings.find(std::string(key));
    const std::string& place =
        found == client_.settings.end() ? client_.place : found->second.place;
    if (key.empty()) {
        mistakes_.push_back({place, std::move(text)});
    } else {
        mistakes_.push_back({place, fmt::format("{} {}", key, text)});
    }
}

void SettingsCheck::check_type(const Key& key, const Setting& setting) {
    const auto* text = std::get_if<std::string>(&setting.value);
    switch (key.type) {
        case Key::Type::text:
            if (text == nullptr) {
                add(key.name, key.choices.empty()
                                  ? "must be a string in quotes"
                                  : fmt::format("must be {}", quoted_list(key.choices)));
            } else if (!key.choices.empty() && std::find(key.choices.begin(), key.choices.end(),
                                                         *text) == key.choices.end()) {
                add(key.name,
                    fmt::format("is \"{}\"; right would be {}", *text, quoted_list(key.choices)));
            }
            return;
        case Key::Type::flag:
            if (!std::holds_alternative<bool>(setting.value))
                add(key.name, "must be true or false, without quotes");
            return;
        case Key::Type::list:
            if (!std::holds_alternative<std::vector<std::string>>(setting.value))
                add(key.name, "must be a list of strings, as [\"one\", \"two\"]");
            return;
        case Key::Type::table:
            if (!std::holds_alternative<std::map<std::string, std::string>>(setting.value))
                add(key.name, "must be a table of strings, as { name = \"value\" }");
            return;
        case Key::Type::fraction: {
            const auto* number = std::get_if<double>(&setting.value);
            if (number == nullptr || !(*number >= 0.1 && *number <= 0.9))
                add(key.name, "must be a number from 0.1 to 0.9 without quotes, as 0.7");
            return;
        }
        case Key::Type::duration:
            if (text == nullptr || !parse_duration(*text))
                add(key.name,
                    "must be a whole number and a unit in quotes, as \"90s\", \"12h\" or "
                    "\"14d\", and at most 3650 days");
            return;
    }
}

void SettingsCheck::only(const std::vector<Key>& keys) {
    for (const auto& [name, setting] : client_.settings) {
        const auto known = std::find_if(keys.begin(), keys.end(),
                                        [&](const Key& key) { return key.name == name; });
        if (known != keys.end()) {
            check_type(*known, setting);
            continue;
        }
        const std::string_view near = nearest(name, keys);
        std::string text = fmt::format("is not a key of a {} client", client_.provider);
        text += near.empty() ? "; take it out" : fmt::format("; did you mean {}?", near);
        add(name, std::move(text));
    }
}

void SettingsCheck::base_url(bool needed) {
    if (client_.base_url.empty()) {
        if (needed) add("base_url", "is missing; write the provider's https:// address");
        return;
    }
    const auto base = parse_base_url(client_.base_url, client_.allow_loopback_http);
    if (!base) add("base_url", base.error().message);
}

void SettingsCheck::plain(std::string_view key, std::string_view value) {
    const bool control = std::any_of(value.begin(), value.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    });
    if (control) add(key, "holds a control character (a line break, a tab, NUL); write it without");
}

std::optional<Millis> parse_duration(std::string_view text) {
    constexpr std::array<std::pair<char, std::int64_t>, 5> units = {
        {{'s', 1'000}, {'m', 60'000}, {'h', 3'600'000}, {'d', 86'400'000}, {'w', 604'800'000}}};
    if (text.size() < 2 || text.size() > 12) return std::nullopt;
    std::int64_t count = 0;
    for (const char c : text.substr(0, text.size() - 1)) {
        if (c < '0' || c > '9') return std::nullopt;
        count = count * 10 + (c - '0');
    }
    for (const auto& [letter, ms] : units) {
        if (letter != text.back()) continue;
        if (count == 0 || count > limits::lifetime_max_ms.count() / ms) return std::nullopt;
        return Millis{count * ms};
    }
    return std::nullopt;
}

std::optional<Millis> duration_setting(const ClientSettings& client, std::string_view key) {
    const auto* text = client.get<std::string>(key);
    return text == nullptr ? std::nullopt : parse_duration(*text);
}

}  // namespace tb::providers
