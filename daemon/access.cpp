// Deciding. Everything that is not said by a rule is no. The facts of /proc are asked only after
// the kernel's own answers (uid, gid) matched, the costly hash last, and they count only if the
// process was still alive after all of them were read.
#include "daemon/access.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "daemon/access_selector.hpp"

namespace tb::daemon {
namespace {

bool has_group(const ipc::Caller& caller, gid_t gid) {
    if (gid == ipc::nobody_id) return false;
    return caller.gid == gid || std::ranges::find(caller.groups, gid) != caller.groups.end();
}

bool glob_matches_fact(const std::string& glob, const std::optional<std::string>& fact) {
    return fact && glob_match(glob, *fact);
}

// Facts that no rule may be satisfied by where the caller's pid can't be seen.
bool proc_matches(const Selector& selector, const ipc::Caller& caller, Facts& facts) {
    if (caller.pid <= 0) return false;
    if (!selector.unit.empty() && !glob_matches_fact(selector.unit, facts.unit())) return false;
    if (!selector.cgroup.empty() && !glob_matches_fact(selector.cgroup, facts.cgroup()))
        return false;
    if (selector.exe && facts.exe() != selector.exe) return false;
    if (!selector.exe_sha256.empty() && facts.exe_sha256() != selector.exe_sha256) return false;
    return facts.alive();
}

}  // namespace

// One '*' is remembered: since none crosses a '/', going back to the latest is enough.
bool glob_match(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.size() &&
                   (pattern[p] == text[t] || (pattern[p] == '?' && text[t] != '/'))) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos && text[star_text] != '/') {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool selector_matches(const Selector& selector, const ipc::Caller& caller, Facts& facts) {
    if (caller.uid == ipc::nobody_id) return false;
    if (!selector.uid && !selector.gid && !selector.needs_proc()) return false;
    if (selector.uid && caller.uid != *selector.uid) return false;
    if (selector.gid && !has_group(caller, *selector.gid)) return false;
    return !selector.needs_proc() || proc_matches(selector, caller, facts);
}

bool allowed(const std::vector<const AccessRule*>& rules, const ipc::Caller& caller, uid_t own_uid,
             Facts& facts) {
    if (caller.uid == ipc::nobody_id) return false;
    if (caller.uid == 0 || caller.uid == own_uid) return true;
    for (const AccessRule* rule : rules)
        for (const Selector& selector : rule->allow)
            if (selector_matches(selector, caller, facts)) return true;
    return false;
}

std::vector<const AccessRule*> rules_for(const std::vector<AccessRule>& rules,
                                         std::string_view account) {
    std::vector<const AccessRule*> out;
    for (const AccessRule& rule : rules) {
        const bool named = std::ranges::any_of(
            rule.accounts, [account](const auto& glob) { return glob_match(glob, account); });
        if (named) out.push_back(&rule);
    }
    return out;
}

std::string explain(const std::vector<const AccessRule*>& rules, std::string_view account) {
    std::vector<std::string> lines;
    for (const AccessRule* rule : rules) {
        std::vector<std::string> who;
        for (const Selector& selector : rule->allow)
            who.push_back(describe(selector));
        lines.push_back(fmt::format("{} allows {}", rule->place, fmt::join(who, ", ")));
    }
    if (lines.empty()) return fmt::format("no [[access]] rule names {}", account);
    return fmt::format("{}", fmt::join(lines, "; "));
}

}  // namespace tb::daemon
