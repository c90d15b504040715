// The configuration as plain values: tokenbroker.toml and conf.d/*.toml, read and checked as a
// whole. Either every file is right, or the result is the list of all mistakes, each with file,
// line, what is wrong and what would be right. Holds no secret, only where one is.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/limits.hpp"
#include "daemon/access.hpp"
#include "providers/provider.hpp"

namespace tb::daemon {

// Where a client's secret comes from. Read by the daemon when an exchange needs it (credential,
// file) or kept sealed (stored).
struct SecretSource {
    enum class Kind : std::uint8_t { none, credential, file, stored };
    Kind kind = Kind::none;
    std::string where;  // the credential's name or the file's absolute path
    std::string place;
};

enum class AmbiguousRetry : std::uint8_t { now, defer };

struct ClientConfig {
    providers::ClientSettings settings;
    const providers::Provider* provider = nullptr;
    std::map<std::string, SecretSource>
        secrets;  // by key: "client_secret", "api_key", "secret_key"
    providers::Policy policy = providers::Policy::automatic;
    AmbiguousRetry ambiguous_retry = AmbiguousRetry::now;
    std::string ca_file;
    std::string proxy;
    std::vector<std::string> no_proxy;
    bool operator_probe_daily =
        false;            // `probe = true`: static tokens are probed at start and daily
    bool strict = false;  // a static token whose probe was refused is not served
};

struct Config {
    std::string main_file;
    std::string state_dir = "/var/lib/tokenbroker";
    std::string tokens_socket = "/run/tokenbroker/tokens.sock";
    std::string admin_socket = "/run/tokenbroker/admin.sock";
    std::string admin_group = "tokenbroker-admin";
    int exchanges_max = limits::exchanges_default;
    int exchanges_per_origin_max = limits::exchanges_per_origin_default;
    std::string proxy;                  // for all clients that name none: "http://host:port"
    std::vector<std::string> no_proxy;  // host suffixes, "*", addresses
    std::string log_level = "info";
    std::map<std::string, ClientConfig> clients;
    std::vector<AccessRule> access;
};

struct ConfigMistakes {
    std::vector<std::string>
        lines;  // "/etc/tokenbroker/conf.d/a.toml:12: what is wrong; what would be right"
    std::vector<std::string> warnings;
};

// user_mode: the default paths are those of a user's daemon ($XDG_RUNTIME_DIR, $XDG_STATE_HOME).
struct ConfigResult {
    Config config;
    ConfigMistakes mistakes;  // config counts only if mistakes.lines is empty
};
// Blocking: reads files, resolves user and group names. Not on the brain thread. An empty main_file
// is the default one.
ConfigResult load_config(const std::string& main_file, bool user_mode);
// /etc/tokenbroker/tokenbroker.toml, or the user's own.
std::string default_config_file(bool user_mode);
// The client of an account ("shop/main"); nullptr if the name is none or the section is gone.
const ClientConfig* find_client(const Config& config, std::string_view account);

}  // namespace tb::daemon
