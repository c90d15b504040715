// Typed access to a TOML table: each complaint names the key, what was found and what would be
// right.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "daemon/config_toml.hpp"
#include "daemon/config_values.hpp"

namespace tb::daemon {

std::string type_name(const TomlNode& node) {
    struct Names {
        std::string operator()(const std::string&) const { return "a string"; }
        std::string operator()(std::int64_t) const { return "an integer"; }
        std::string operator()(double) const { return "a number with a fraction"; }
        std::string operator()(bool) const { return "true or false"; }
        std::string operator()(const TomlList&) const { return "a list"; }
        std::string operator()(const TomlTable&) const { return "a table"; }
        std::string operator()(const TomlOther& other) const { return other.type; }
    };
    return std::visit(Names{}, node.value);
}

const TomlNode* TableReader::take(std::string_view key) {
    taken_.emplace(key);
    for (const TomlNode& node : table_.items)
        if (node.key == key) return &node;
    return nullptr;
}

void TableReader::complain(const TomlNode& node, std::string_view text) {
    mistakes_.add(node.place, fmt::format("{}{} {}", where_, node.key, text));
}

std::optional<std::string> TableReader::text(std::string_view key, std::string_view example) {
    const TomlNode* node = take(key);
    if (node == nullptr) return std::nullopt;
    const auto* value = node->get<std::string>();
    if (value == nullptr) {
        complain(*node, fmt::format("must be a string, not {}; write {} = \"{}\"", type_name(*node),
                                    key, example));
        return std::nullopt;
    }
    if (value->empty() || has_control(*value)) {
        complain(*node, fmt::format("is {}; write {} = \"{}\"",
                                    value->empty() ? "empty" : "a text with control characters",
                                    key, example));
        return std::nullopt;
    }
    return *value;
}

std::optional<bool> TableReader::flag(std::string_view key) {
    const TomlNode* node = take(key);
    if (node == nullptr) return std::nullopt;
    if (const bool* value = node->get<bool>()) return *value;
    complain(*node, fmt::format("must be true or false, not {}", type_name(*node)));
    return std::nullopt;
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t least,
                                                 std::int64_t most) {
    const TomlNode* node = take(key);
    if (node == nullptr) return std::nullopt;
    const auto* value = node->get<std::int64_t>();
    if (value == nullptr) {
        complain(*node, fmt::format("must be an integer, not {}", type_name(*node)));
        return std::nullopt;
    }
    if (*value < least || *value > most) {
        complain(*node, fmt::format("is {}; it must be from {} to {}", *value, least, most));
        return std::nullopt;
    }
    return *value;
}

std::optional<std::vector<std::string>> TableReader::texts(std::string_view key,
                                                           std::string_view example) {
    const TomlNode* node = take(key);
    if (node == nullptr) return std::nullopt;
    const auto* list = node->get<TomlList>();
    if (list == nullptr) {
        complain(*node, fmt::format("must be a list of strings, not {}; write {} = [\"{}\"]",
                                    type_name(*node), key, example));
        return std::nullopt;
    }
    std::vector<std::string> out;
    for (const TomlNode& item : list->items) {
        const auto* text = item.get<std::string>();
        if (text == nullptr || text->empty() || has_control(*text)) {
            mistakes_.add(
                item.place,
                fmt::format("{}{} must hold non-empty strings, not {}; write {} = [\"{}\"]", where_,
                            key, text == nullptr ? type_name(item) : "an empty or unprintable one",
                            key, example));
            return std::nullopt;
        }
        out.push_back(*text);
    }
    return out;
}

std::optional<std::size_t> TableReader::word(std::string_view key,
                                             const std::vector<std::string>& words) {
    const TomlNode* node = take(key);
    if (node == nullptr) return std::nullopt;
    if (const auto* value = node->get<std::string>())
        for (std::size_t i = 0; i < words.size(); ++i)
            if (words[i] == *value) return i;
    const auto* text = node->get<std::string>();
    complain(*node, fmt::format("is {}; it must be one of: {}",
                                text != nullptr ? quote(*text) : type_name(*node),
                                fmt::join(words, ", ")));
    return std::nullopt;
}

std::vector<const TomlNode*> TableReader::rest() const {
    std::vector<const TomlNode*> out;
    for (const TomlNode& node : table_.items)
        if (!taken_.contains(node.key)) out.push_back(&node);
    return out;
}

void TableReader::finish() {
    for (const TomlNode* node : rest())
        mistakes_.add(node->place, fmt::format("unknown key {}{}; {}", where_, quote(node->key),
                                               suggest(node->key, {taken_.begin(), taken_.end()})));
}

}  // namespace tb::daemon
