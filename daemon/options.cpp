// See options.hpp. Four options: a library would cost more than it gives.
#include "daemon/options.hpp"

#include <string_view>

namespace tb::daemon {
namespace {
constexpr std::string_view help =
    R"(Usage: tokenbrokerd [--config FILE] [--user] [--check | --diagnose]

Owns refresh tokens and API secrets, renews access tokens ahead of expiry, and hands them to
local processes.

  --config FILE  read FILE and conf.d/*.toml beside it (default:
                 /etc/tokenbroker/tokenbroker.toml; with --user
                 ~/.config/tokenbroker/tokenbroker.toml)
  --user         a user's own daemon: sockets below $XDG_RUNTIME_DIR/tokenbroker, state below
                 ~/.local/state
  --check        read and check the configuration, then end: 0 it is right, 1 it is not
  --diagnose     look at configuration, files, key and database without starting, print what
                 was found as JSON, then end: 0 all is well, 1 it is not (tokenbroker doctor
                 runs this where no daemon answers)
  --version, --help

Started by systemd it takes its sockets from LISTEN_FDS and reports readiness. SIGHUP reloads,
SIGTERM drains and ends. See tokenbrokerd(8), tokenbroker.toml(5) and tokenbroker(1).
)";

ParsedOptions ended(int code, std::string text) {
    return ParsedOptions{{}, code, std::move(text)};
}
}  // namespace

ParsedOptions parse_options(int argc, char** argv) {
    ParsedOptions parsed;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--help" || word == "-h") return ended(0, std::string(help));
        if (word == "--version") return ended(0, "tokenbrokerd " TB_VERSION "\n");
        if (word == "--user") {
            parsed.options.user = true;
        } else if (word == "--check") {
            parsed.options.check = true;
        } else if (word == "--diagnose") {
            parsed.options.diagnose = true;
        } else if (word == "--config" && i + 1 < argc) {
            parsed.options.config_file = argv[++i];
        } else if (word.rfind("--config=", 0) == 0) {
            parsed.options.config_file = std::string(word.substr(9));
        } else {
            return ended(
                2, "tokenbrokerd: what is '" + std::string(word) + "'? Run: tokenbrokerd --help\n");
        }
    }
    return parsed;
}

}  // namespace tb::daemon
