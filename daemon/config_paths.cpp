// Where things are when nobody says otherwise. XDG_RUNTIME_DIR is missing in sessions without a
// login manager: then it is where systemd would put it.
#include "daemon/config_paths.hpp"

#include <fmt/core.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>

namespace tb::daemon {
namespace {

// The XDG rules: a relative or empty value counts as unset.
std::string folder_from(const char* variable, const std::string& otherwise) {
    const char* value = getenv(variable);
    return value != nullptr && *value == '/' ? std::string(value) : otherwise;
}

std::string home() {
    if (const std::string set = folder_from("HOME", ""); !set.empty()) return set;
    std::array<char, 16384> buffer{};
    passwd record{};
    passwd* found = nullptr;
    if (getpwuid_r(geteuid(), &record, buffer.data(), buffer.size(), &found) == 0 &&
        found != nullptr)
        return found->pw_dir;
    return "/";
}

}  // namespace

void set_user_paths(Config& config) {
    const std::string runtime =
        folder_from("XDG_RUNTIME_DIR", fmt::format("/run/user/{}", geteuid()));
    config.tokens_socket = runtime + "/tokenbroker/tokens.sock";
    config.admin_socket = runtime + "/tokenbroker/admin.sock";
    config.admin_group.clear();
    config.state_dir = folder_from("XDG_STATE_HOME", home() + "/.local/state") + "/tokenbroker";
}

std::string default_config_file(bool user_mode) {
    if (!user_mode) return "/etc/tokenbroker/tokenbroker.toml";
    return folder_from("XDG_CONFIG_HOME", home() + "/.config") + "/tokenbroker/tokenbroker.toml";
}

}  // namespace tb::daemon
