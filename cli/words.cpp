// Kept apart from CLI11, so that it compiles in no time and is tested by table.
#include "cli/words.hpp"

#include <algorithm>

namespace tb::cli {

std::optional<std::pair<std::string, std::string>> split_pair(std::string_view word) {
    const auto equals = word.find('=');
    if (equals == 0 || equals == std::string_view::npos || equals + 1 == word.size())
        return std::nullopt;
    return std::pair{std::string(word.substr(0, equals)), std::string(word.substr(equals + 1))};
}

bool is_variable_name(std::string_view name) {
    const auto letter = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    };
    return !name.empty() && letter(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool is_exec(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--socket" || words[i] == "--admin-socket")
            ++i;
        else if (!words[i].starts_with('-'))
            return words[i] == "exec";
    }
    return false;
}

std::vector<std::string> take_tail(std::vector<std::string>& words) {
    const auto mark = std::find(words.begin(), words.end(), "--");
    if (mark == words.end()) return {};
    std::vector<std::string> tail(mark + 1, words.end());
    words.erase(mark, words.end());
    return tail;
}

}  // namespace tb::cli
