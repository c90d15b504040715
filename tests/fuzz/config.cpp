// A configuration of two files of any text: everything wrong is a mistake with its place and fit
// for a terminal, or the configuration is within its limits. Input: the main file, a NUL, a file of
// conf.d. The files don't touch the disk: read_config_files is the one below.
#include "daemon/config.hpp"

#include <algorithm>
#include <cstdint>

#include "base/check.hpp"
#include "daemon/account_name.hpp"
#include "daemon/config_files.hpp"

namespace {
std::vector<tb::daemon::SourceFile> files;

void check(const tb::daemon::Config& config) {
    using namespace tb;
    TB_ASSERT(config.exchanges_max >= 1);
    TB_ASSERT(config.exchanges_per_origin_max <= config.exchanges_max);
    TB_ASSERT(config.exchanges_max <= limits::exchanges_configurable_max);
    TB_ASSERT(config.access.size() <= limits::access_rules_max);
    TB_ASSERT(config.state_dir.starts_with('/') && config.tokens_socket.starts_with('/'));
    for (const auto& [name, client] : config.clients) {
        TB_ASSERT(daemon::is_client_name(name) && client.provider != nullptr);
        TB_ASSERT(daemon::find_client(config, name + "/x") == &client);
        for (const auto& [key, source] : client.secrets)
            TB_ASSERT(source.where.empty() == (source.kind == daemon::SecretSource::Kind::stored ||
                                               source.kind == daemon::SecretSource::Kind::none));
    }
    for (const auto& rule : config.access) {
        TB_ASSERT(!rule.accounts.empty() && !rule.allow.empty());
        for (const auto& selector : rule.allow)  // an executable alone names nobody
            TB_ASSERT(selector.uid || selector.gid || !selector.unit.empty() ||
                      !selector.cgroup.empty() || !selector.exe_sha256.empty());
    }
}
}  // namespace

namespace tb::daemon {
std::vector<SourceFile> read_config_files(const std::string&, MistakeList&) {
    return files;
}
}  // namespace tb::daemon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t cut = std::min(text.find('\0'), size);
    files = {{"/main.toml", std::string(text.substr(0, cut))}};
    if (cut < size) files.push_back({"/conf.d/a.toml", std::string(text.substr(cut + 1))});
    const auto result = tb::daemon::load_config("/main.toml", size % 2 == 0);
    for (const auto* lines : {&result.mistakes.lines, &result.mistakes.warnings})
        for (const std::string& line : *lines) {
            TB_ASSERT(line.starts_with("/main.toml") || line.starts_with("/conf.d/a.toml"));
            TB_ASSERT(
                std::ranges::none_of(line, [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
        }
    if (result.mistakes.lines.empty()) check(result.config);
    return 0;
}
