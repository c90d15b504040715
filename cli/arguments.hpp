// The command line as values. The only user of CLI11 is cli/arguments.cpp: it costs 8 s to compile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace tb::cli {

struct Invocation {
    Common common;
    std::optional<Command> command;  // absent: print `text` and end
    std::string text;                // help or version
};

// `arguments` without the program's name. A Failure is a mistake in usage.
Answer<Invocation> parse_arguments(std::vector<std::string> arguments);

}  // namespace tb::cli
