// Names of the error codes, and the one way out for bugs.
#include "base/error.hpp"

#include <cstdio>
#include <cstdlib>

#include "base/check.hpp"

namespace tb {

std::string_view to_string(errc code) {
    switch (code) {
        case errc::unknown_account:
            return "unknown_account";
        case errc::account_paused:
            return "account_paused";
        case errc::login_required:
            return "login_required";
        case errc::misconfigured:
            return "misconfigured";
        case errc::provider_unavailable:
            return "provider_unavailable";
        case errc::lifetime_too_short:
            return "lifetime_too_short";
        case errc::too_many_requests:
            return "too_many_requests";
        case errc::permission_denied:
            return "permission_denied";
        case errc::invalid_parameter:
            return "invalid_parameter";
        case errc::account_exists:
            return "account_exists";
        case errc::io:
            return "io";
        case errc::timed_out:
            return "timed_out";
        case errc::closed:
            return "closed";
        case errc::protocol:
            return "protocol";
        case errc::config:
            return "config";
        case errc::storage:
            return "storage";
        case errc::damaged:
            return "damaged";
        case errc::too_new:
            return "too_new";
        case errc::locked:
            return "locked";
        case errc::key_missing:
            return "key_missing";
        case errc::superseded:
            return "superseded";
        case errc::not_found:
            return "not_found";
    }
    return "unknown";
}

void assertion_failed(std::string_view text, std::string_view file, int line) {
    std::fprintf(stderr, "<2>bug: %.*s:%d: assertion failed: %.*s\n", static_cast<int>(file.size()),
                 file.data(), line, static_cast<int>(text.size()), text.data());
    std::abort();
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
    std::fprintf(stderr, "<2>bug: %s:%u: value() of an error: %s\n", where.file_name(),
                 static_cast<unsigned>(where.line()), error.message.c_str());
    std::abort();
}

}  // namespace tb
