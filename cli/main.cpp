// tokenbroker: what people and scripts talk to the daemon with.
#include <sys/resource.h>

#include <csignal>
#include <variant>

#include "cli/arguments.hpp"
#include "cli/terminal.hpp"

namespace {

using namespace tb::cli;

Answer<> run_command(const Invocation& invocation) {
    if (!invocation.command) return print(invocation.text);
    // Tokens and secrets pass through this process: no core file. exec hands its limits on, so not
    // there.
    const rlimit no_core{0, 0};
    if (!std::holds_alternative<Exec>(*invocation.command)) (void)setrlimit(RLIMIT_CORE, &no_core);
    return std::visit([&](const auto& command) { return run(invocation.common, command); },
                      *invocation.command);
}

}  // namespace

int main(int argc, char** argv) {
    guard_standard_streams();
    std::signal(SIGPIPE, SIG_IGN);  // a closed standard output is exit code 1, with words
    const auto invocation = parse_arguments({argv + 1, argv + argc});
    const Answer<> done = invocation ? run_command(*invocation) : invocation.error();
    if (done) return 0;
    complain(done.error().text);
    return static_cast<int>(done.error().code);
}
