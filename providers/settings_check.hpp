// Checking a client section: unknown keys with the nearest known one, wrong types, durations. Every
// mistake ends up in one list, so that an operator corrects a file once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "providers/settings.hpp"

namespace tb::providers {

struct Key {
    enum class Type : std::uint8_t { text, flag, list, table, fraction, duration };
    std::string_view name;
    Type type = Type::text;
    std::vector<std::string_view> choices{};  // of a text; empty: any
};

class SettingsCheck {
  public:
    explicit SettingsCheck(const ClientSettings& client) : client_(client) {}

    // Everything in `settings` is one of `keys`, and of its type.
    void only(const std::vector<Key>& keys);
    // A proper base_url. Without one: a mistake unless `needed` is false.
    void base_url(bool needed);
    // No control character in a value that ends up in a header or a form.
    void plain(std::string_view key, std::string_view value);
    void add(std::string_view key, std::string text);  // key: "" for the section itself

    std::vector<Mistake> take() { return std::move(mistakes_); }

  private:
    void check_type(const Key& key, const Setting& setting);
    const ClientSettings& client_;
    std::vector<Mistake> mistakes_;
};

// "90s", "30m", "12h", "14d", "2w": a whole number above zero and a unit.
std::optional<Millis> parse_duration(std::string_view text);
// The setting as a duration; nullopt if it is absent or wrong (check() has complained by then).
std::optional<Millis> duration_setting(const ClientSettings& client, std::string_view key);

}  // namespace tb::providers
