// The one table from error to exit code and words. A new error of the interface files is a new row:
// tests/unit/cli/errors_test.cpp reads the .varlink texts and fails for a name without one.
#include "cli/errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "cli/json.hpp"

namespace tb::cli {
namespace {

struct Row {
    std::string_view name;  // without the interface
    Exit code;
};
constexpr std::array rows{
    Row{"UnknownAccount", Exit::no_account},
    Row{"UnknownClient", Exit::no_account},
    Row{"AccountPaused", Exit::failed},
    Row{"LoginRequired", Exit::login_required},
    Row{"Misconfigured", Exit::failed},
    Row{"ProviderUnavailable", Exit::provider_unavailable},
    Row{"LifetimeTooShort", Exit::failed},
    Row{"TooManyRequests", Exit::failed},
    Row{"AccountExists", Exit::failed},
    Row{"RenewalFailed", Exit::failed},  // refined by its class below
    Row{"ConfigInvalid", Exit::failed},
    Row{"StoreUnavailable", Exit::failed},
    Row{"Refused", Exit::failed},
    Row{"InvalidParameter", Exit::usage},
    Row{"PermissionDenied", Exit::failed},
    Row{"MethodNotFound", Exit::failed},
    Row{"InterfaceNotFound", Exit::failed},
    Row{"MethodNotImplemented", Exit::failed},
    Row{"ExpectedMore", Exit::failed},
};

std::string_view short_name(std::string_view name) {
    const auto dot = name.rfind('.');
    return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

Exit of_class(std::string_view failure_class) {
    if (failure_class == "REAUTH") return Exit::login_required;
    if (failure_class == "RETRY" || failure_class == "AMBIG") return Exit::provider_unavailable;
    return Exit::failed;
}

// The daemon's reasons often begin with the account already.
std::string about(std::string_view account, std::string_view reason) {
    if (reason.starts_with(account)) return std::string(reason);
    return fmt::format("{}: {}", account, reason);
}

std::string with_hint(std::string text, std::string_view command) {
    if (text.find("run:") != std::string::npos) return text;
    return fmt::format("{}; run: {}", text, command);
}

std::string mistakes_of(const boost::json::object& parameters) {
    std::string text = "the configuration was not taken; the daemon goes on with the old one";
    if (const auto* mistakes = list(parameters, "mistakes")) {
        for (const auto& mistake : *mistakes)
            if (mistake.is_string())
                text += fmt::format("\n  {}", std::string_view(mistake.get_string()));
    }
    return text;
}

std::string of_account(std::string_view name, std::string_view account, std::string_view reason,
                       const boost::json::object& parameters) {
    if (name == "UnknownAccount")
        return fmt::format("{}: no such account, or not yours; see: tokenbroker account list",
                           account);
    if (name == "AccountPaused")
        return fmt::format("{0}: paused by an operator; run: tokenbroker account resume {0}",
                           account);
    if (name == "LoginRequired")
        return with_hint(about(account, reason),
                         fmt::format("tokenbroker account add --replace {}", account));
    if (name == "Misconfigured") return about(account, reason);
    if (name == "ProviderUnavailable") {
        std::string text = about(account, reason);
        if (const auto wait = number(parameters, "retry_after_ms"))
            text += fmt::format("; worth trying again in {}", format_duration(*wait));
        return text;
    }
    if (name == "LifetimeTooShort")
        return fmt::format("{}: no token of this account can last that long; ask for at most {}",
                           account, format_duration(number(parameters, "longest_ms").value_or(0)));
    if (name == "AccountExists")
        return fmt::format(
            "{0}: is there already; a new grant for it: "
            "tokenbroker account add --replace {0}",
            account);
    return {};
}

std::string of_daemon(std::string_view name, std::string_view reason,
                      const boost::json::object& parameters) {
    if (name == "UnknownClient")
        return fmt::format("{}: no such client in the configuration; see: tokenbroker client list",
                           text(parameters, "client"));
    if (name == "TooManyRequests")
        return fmt::format("too many requests of your user; try again in {}",
                           format_duration(number(parameters, "retry_after_ms").value_or(1000)));
    if (name == "ConfigInvalid") return mistakes_of(parameters);
    if (name == "StoreUnavailable")
        return fmt::format("the daemon could not make it durable: {}", reason);
    if (name == "Refused") return std::string(reason);
    if (name == "InvalidParameter")
        return fmt::format("the daemon doesn't take this value of '{}'",
                           text(parameters, "parameter"));
    if (name == "PermissionDenied")
        return "not allowed: this needs root, the daemon's user or the group of the admin socket";
    if (name == "MethodNotFound" || name == "InterfaceNotFound" || name == "MethodNotImplemented")
        return "what answers on this socket doesn't know this request: another version of "
               "tokenbrokerd, or another socket?";
    return {};
}

}  // namespace

Exit exit_code(const ipc::CallError& error) {
    const std::string_view name = short_name(error.name);
    if (name == "RenewalFailed") return of_class(text(error.parameters, "class"));
    const auto* row = std::find_if(rows.begin(), rows.end(),
                                   [&](const Row& candidate) { return candidate.name == name; });
    return row == rows.end() ? Exit::failed : row->code;
}

std::string explain(const ipc::CallError& error) {
    const std::string_view name = short_name(error.name);
    const std::string_view account = text(error.parameters, "account");
    const std::string_view reason = text(error.parameters, "reason");
    std::string said;
    if (name == "RenewalFailed") {
        said = about(account, reason);
        if (text(error.parameters, "class") == "REAUTH")
            said = with_hint(std::move(said),
                             fmt::format("tokenbroker account add --replace {}", account));
    }
    if (said.empty()) said = of_account(name, account, reason, error.parameters);
    if (said.empty()) said = of_daemon(name, reason, error.parameters);
    if (said.empty()) said = fmt::format("the daemon answered {}", error.name);
    return printable(said);
}

Failure to_failure(const ipc::CallError& error) {
    return failed(explain(error), exit_code(error));
}

Failure to_failure(const Error& error) {
    // A socket that we may not open, or an answer that is not Varlink: somebody is there.
    const bool there = error.code == errc::permission_denied || error.code == errc::protocol;
    const Exit code = there ? Exit::failed : Exit::no_daemon;
    return failed(printable(error.message), code);
}

void throw_exception_from_error(const Failure& failure, const boost::source_location& where) {
    std::fprintf(stderr, "value() of a failure at %s:%u: %s\n", where.file_name(),
                 static_cast<unsigned>(where.line()), failure.text.c_str());
    std::abort();
}

}  // namespace tb::cli
