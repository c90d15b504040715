// Selectors as the config writes them: "kind:value" strings, or tables of several that must all
// match. Names of users and groups are resolved here, so not on the brain thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "daemon/access.hpp"

namespace tb::daemon {

// uid, user, gid, group, unit, cgroup, exe, exe_sha256.
const std::vector<std::string>& selector_kinds();

// Sets one member; an empty string, or what is wrong and what would be right.
std::string set_selector(Selector& selector, std::string_view kind, std::string_view value);
// What is wrong with the whole: empty, or an executable without a caller to narrow.
std::string check_selector(const Selector& selector);
// A string of `allow`: "group:games". errc::config with what is wrong.
Result<Selector> parse_selector(std::string_view text);

// "uid:1000 with exe:/usr/games/x": for explain().
std::string describe(const Selector& selector);

// Without it /proc/PID/exe of other users can't be read, and a rule on exe would silently never
// match.
bool has_ptrace_capability();

}  // namespace tb::daemon
