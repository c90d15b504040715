// Pure checks of single values, and how they are shown to people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tb::daemon {

bool has_control(std::string_view text);
// In double quotes, cut, without control characters.
std::string quote(std::string_view text);
// "did you mean "policy"?" for a near miss, else "known are: a, b, c".
std::string suggest(std::string_view word, const std::vector<std::string>& known);
// Steps of insert, remove, replace, swap of neighbours between two words.
std::size_t edit_distance(std::string_view a, std::string_view b);

// Each answers what is wrong and what would be right, or an empty string.
std::string check_path(std::string_view path);  // absolute
std::string check_socket_path(std::string_view path);
std::string check_proxy(std::string_view url);         // http://HOST:PORT
std::string check_no_proxy(std::string_view entry);    // a host suffix, an address or "*"
std::string check_unit_glob(std::string_view glob);    // of a unit name
std::string check_cgroup_glob(std::string_view glob);  // of an absolute cgroup path
std::string check_account_glob(std::string_view glob);

}  // namespace tb::daemon
