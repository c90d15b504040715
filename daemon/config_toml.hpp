// A TOML file as a plain tree with the place of each key, and typed access to it that complains for
// itself. The parser's own header stays in config_toml.cpp: it costs 3 s a translation unit.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/config_mistakes.hpp"

namespace tb::daemon {

struct TomlNode;
struct TomlList {
    std::vector<TomlNode> items;
};
struct TomlTable {
    std::vector<TomlNode> items;  // in the order of the file
};
struct TomlOther {
    std::string type;  // "a date", ...: nothing of ours has this type
};
struct TomlNode {
    std::string key;    // empty in a list
    std::string place;  // "FILE:LINE"
    std::variant<std::string, std::int64_t, double, bool, TomlList, TomlTable, TomlOther> value;

    template <class T>
    const T* get() const {
        return std::get_if<T>(&value);
    }
};

// "a string", "a list", ...: for messages.
std::string type_name(const TomlNode& node);

// nullopt: it is not TOML; the mistake is in the list.
std::optional<TomlTable> parse_toml(const std::string& path, const std::string& text,
                                    MistakeList& mistakes);

// Reads the keys of one table. Each asked key is known; finish() complains about the rest.
class TableReader {
  public:
    // `where` is put before key names in messages: "clients.shop." or "".
    TableReader(const TomlTable& table, std::string where, MistakeList& mistakes)
        : table_(table), where_(std::move(where)), mistakes_(mistakes) {}

    const TomlNode* take(std::string_view key);  // nullptr if absent
    // Absent or of another type (a mistake by then): nullopt.
    std::optional<std::string> text(std::string_view key, std::string_view example);
    std::optional<bool> flag(std::string_view key);
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t least,
                                        std::int64_t most);
    std::optional<std::vector<std::string>> texts(std::string_view key, std::string_view example);
    // One of `words`, as its index.
    std::optional<std::size_t> word(std::string_view key, const std::vector<std::string>& words);
    void complain(const TomlNode& node, std::string_view text);

    std::vector<const TomlNode*> rest() const;  // not yet taken
    void finish();                              // each of the rest is an unknown key

  private:
    const TomlTable& table_;
    std::string where_;
    MistakeList& mistakes_;
    std::set<std::string, std::less<>> taken_;
};

}  // namespace tb::daemon
