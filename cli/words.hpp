// What single words of the command line mean. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tb::cli {

// "NAME=VALUE" at the first '='; nullopt if either side is empty.
std::optional<std::pair<std::string, std::string>> split_pair(std::string_view word);
// Of an environment variable: letters, digits, '_', not beginning with a digit.
bool is_variable_name(std::string_view name);
// Is the command, after the global options and their values, `exec`?
bool is_exec(const std::vector<std::string>& words);
// For exec: takes "--" and all behind it out of `words`, and returns what stood behind it.
std::vector<std::string> take_tail(std::vector<std::string>& words);

}  // namespace tb::cli
