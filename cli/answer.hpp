// How a command ends: with nothing more to say, or with a Failure that main prints on standard
// error. The exit codes are a contract with scripts (tokenbroker(1)).
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <utility>

namespace tb::cli {

enum class Exit : int {
    done = 0,
    failed = 1,
    usage = 2,
    no_account = 3,            // no such account, or not yours
    login_required = 4,        //
    provider_unavailable = 5,  // temporary: worth trying again
    no_daemon = 6,
    exec_failed = 125,          // `exec` itself failed; as env(1) does
    exec_not_executable = 126,  //
    exec_not_found = 127,
};

struct Failure {
    Exit code{Exit::failed};
    std::string text;  // for people: what, why, what to run; never a token or secret
};

template <class T = void>
using Answer = boost::system::result<T, Failure>;

inline Failure failed(std::string text, Exit code = Exit::failed) {
    return Failure{code, std::move(text)};
}

// Answer<T>::value() on a failure is our bug: report and abort.
[[noreturn]] void throw_exception_from_error(const Failure& failure,
                                             const boost::source_location& where);

}  // namespace tb::cli
