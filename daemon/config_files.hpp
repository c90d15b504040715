// Reading the files of the configuration: tokenbroker.toml and conf.d/*.toml beside it. What they
// say is trusted, so what others could write is refused.
#pragma once

#include <string>
#include <vector>

#include "daemon/config_mistakes.hpp"

namespace tb::daemon {

struct SourceFile {
    std::string path;
    std::string text;
};

// The main file first, then conf.d sorted by name. Files that can't be had are mistakes.
std::vector<SourceFile> read_config_files(const std::string& main_file, MistakeList& mistakes);

}  // namespace tb::daemon
