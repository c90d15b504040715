// The command line of tokenbrokerd.
#pragma once

#include <optional>
#include <string>

namespace tb::daemon {

struct Options {
    std::string config_file;  // empty: the default of the mode
    bool user = false;
    bool check = false;
    bool diagnose = false;
};

struct ParsedOptions {
    Options options;
    std::optional<int> exit_code;  // print `text` and end
    std::string text;
};

ParsedOptions parse_options(int argc, char** argv);

}  // namespace tb::daemon
