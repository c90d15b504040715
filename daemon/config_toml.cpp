// The only translation unit with toml++: its tree becomes ours, with "FILE:LINE" at each key.
// A syntax error ends the reading of that one file; others are still read.
#include "daemon/config_toml.hpp"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>

namespace tb::daemon {
namespace {

std::string place_of(const std::string& path, const toml::source_region& source) {
    return fmt::format("{}:{}", path, source.begin.line);
}

TomlNode convert(const std::string& path, const toml::node& node);

TomlTable convert_table(const std::string& path, const toml::table& table) {
    std::vector<std::pair<toml::source_position, TomlNode>> found;
    for (const auto& [key, child] : table) {
        TomlNode node = convert(path, child);
        node.key = std::string(key.str());
        node.place = place_of(path, key.source());
        found.emplace_back(key.source().begin, std::move(node));
    }
    std::ranges::sort(found, [](const auto& a, const auto& b) { return a.first < b.first; });
    TomlTable out;
    for (auto& [position, node] : found)
        out.items.push_back(std::move(node));
    return out;
}

// Depth is bounded by toml++ itself (256 levels, a parse error above).
TomlNode convert(const std::string& path, const toml::node& node) {
    TomlNode out{{}, place_of(path, node.source()), TomlOther{"a date or time"}};
    if (const auto* text = node.as_string()) {
        out.value = text->get();
    } else if (const auto* integer = node.as_integer()) {
        out.value = integer->get();
    } else if (const auto* real = node.as_floating_point()) {
        out.value = real->get();
    } else if (const auto* flag = node.as_boolean()) {
        out.value = flag->get();
    } else if (const auto* list = node.as_array()) {
        TomlList items;
        for (const toml::node& item : *list)
            items.items.push_back(convert(path, item));
        out.value = std::move(items);
    } else if (const auto* table = node.as_table()) {
        out.value = convert_table(path, *table);
    }
    return out;
}

}  // namespace

std::optional<TomlTable> parse_toml(const std::string& path, const std::string& text,
                                    MistakeList& mistakes) {
    try {
        return convert_table(path, toml::parse(text));
    } catch (const toml::parse_error& error) {
        std::string what(error.description());
        std::ranges::replace_if(
            what, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
        mistakes.add(place_of(path, error.source()), "not valid TOML: " + what);
        return std::nullopt;
    }
}

}  // namespace tb::daemon
