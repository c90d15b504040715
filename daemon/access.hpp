// Access rules: which callers may have which accounts' tokens. Default deny, except root and the
// daemon's own uid. Deciding is pure but for the facts of /proc, which come in through Facts and
// are only asked where a rule names them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "ipc/caller.hpp"

namespace tb::daemon {

// All set members must match (a table in `allow`); a string in `allow` is a selector with one
// member.
struct Selector {
    std::optional<uid_t> uid;  // "uid:1000" or "user:alice", resolved at load
    std::optional<gid_t> gid;  // "gid:100" or "group:games": primary or supplementary
    std::string unit;          // glob over the system manager's unit name: "game-server@*.service"
    std::string cgroup;        // glob over the cgroup path; '*' doesn't cross '/'
    std::optional<ipc::FileIdentity> exe;  // of exe_path in our own mount namespace, taken at load
    std::string exe_path;
    // Holds that file: were it deleted, a stranger's new file could get its number.
    std::shared_ptr<const UniqueFd> exe_held;
    std::string exe_sha256;  // lower-case hex
    bool needs_proc() const {
        return !unit.empty() || !cgroup.empty() || exe || !exe_sha256.empty();
    }
};

struct AccessRule {
    std::vector<std::string> accounts;  // globs: "shop/*", "playfab/title"; '*' doesn't cross '/'
    std::vector<Selector> allow;        // alternatives
    std::string place;                  // "tokenbroker.toml:30"
};

// What /proc says of a caller, asked at most once a decision.
class Facts {
  public:
    virtual ~Facts() = default;
    virtual std::optional<std::string> unit() = 0;
    virtual std::optional<std::string> cgroup() = 0;
    virtual std::optional<ipc::FileIdentity> exe() = 0;
    virtual std::optional<std::string> exe_sha256() = 0;
    virtual bool alive() = 0;  // asked last, after all others
};

// '*' any run of characters but '/', '?' one of them; everything else literally.
bool glob_match(std::string_view pattern, std::string_view text);

bool selector_matches(const Selector& selector, const ipc::Caller& caller, Facts& facts);
// `rules`: those whose `accounts` match the account, picked when the account or the config was
// loaded.
bool allowed(const std::vector<const AccessRule*>& rules, const ipc::Caller& caller, uid_t own_uid,
             Facts& facts);
std::vector<const AccessRule*> rules_for(const std::vector<AccessRule>& rules,
                                         std::string_view account);
// For the log, the audit and ExplainAccess: the config lines that would allow it, or "no [[access]]
// rule names shop/main". `rules`: those that the decision was made by.
std::string explain(const std::vector<const AccessRule*>& rules, std::string_view account);

}  // namespace tb::daemon
