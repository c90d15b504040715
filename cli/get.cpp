// get: the token alone on standard output, for $(...). exec: the token in the environment of a
// command, never in its argv. watch: one line an event.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "cli/commands.hpp"
#include "cli/errors.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

// Gets every token before the command is started: half an environment would be worse than none.
Answer<> set_variables(const Common& common, const Exec& exec) {
    auto client = connect(common, Socket::tokens);
    if (!client) return client.error();
    for (const auto& [name, account] : exec.variables) {
        auto token = get_token(*client, account, exec.wish);
        if (!token) return token.error();
        const std::string value(text(*token, "token"));
        if (::setenv(name.c_str(), value.c_str(), 1) != 0)
            return failed(fmt::format("can't set {}: {}", name, std::strerror(errno)));
    }
    return {};
}

std::string describe_event(const boost::json::object& event) {
    std::string line = fmt::format("{} {}", text(event, "account"), text(event, "event"));
    if (const auto* token = member(event, "token")) {
        line += fmt::format(" generation {}", number(*token, "generation").value_or(0));
        if (const auto left = number(*token, "remaining_ms"))
            line += fmt::format(", {} left", format_duration(*left));
    }
    const std::string_view reason = text(event, "reason");
    if (!reason.empty()) line += fmt::format(": {}", reason);
    return printable(line);
}

Answer<boost::json::object> ask(const Common& common, const Get& get) {
    if (common.connection >= 0) return take_over(common, get.wish);
    auto client = connect(common, Socket::tokens);
    if (!client) return client.error();
    return get_token(*client, get.account, get.wish);
}

}  // namespace

Answer<> run(const Common& common, const Get& get) {
    const auto token = ask(common, get);
    if (!token) return token.error();
    if (common.json) return print_json(*token);
    if (!get.header) return print_line(text(*token, "token"));
    const auto* header = member(*token, "header");
    if (header == nullptr) return failed("the daemon's answer holds no header");
    return print_line(fmt::format("{}: {}", text(*header, "name"), text(*header, "value")));
}

Answer<> run(const Common& common, const Exec& exec) {
    const Answer<> set = set_variables(common, exec);
    if (!set) return failed(set.error().text, Exit::exec_failed);
    std::vector<char*> argv;
    for (const std::string& word : exec.command)
        argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    std::signal(SIGPIPE, SIG_DFL);  // main ignores it, and that would be inherited
    ::execvp(argv[0], argv.data());
    const int why = errno;
    return failed(fmt::format("{}: {}", exec.command.front(), std::strerror(why)),
                  why == ENOENT ? Exit::exec_not_found : Exit::exec_not_executable);
}

Answer<> run(const Common& common, const Watch& watch) {
    auto client = connect(common, Socket::tokens);
    if (!client) return client.error();
    boost::json::object parameters;
    parameters["accounts"] = boost::json::array(watch.accounts.begin(), watch.accounts.end());
    Answer<> printed;
    const auto ended = client->call_more(
        qualified(Socket::tokens, "WatchTokens"), std::move(parameters), [&](ipc::CallReply reply) {
            if (reply.error)
                printed = to_failure(*reply.error);
            else if (common.json)
                printed = print_json(reply.parameters);
            else
                printed = print_line(describe_event(reply.parameters));
            return printed.has_value();
        });
    if (!printed) return printed;
    if (!ended) return to_failure(ended.error());
    return {};
}

}  // namespace tb::cli
