// What the world does to us: an errc that callers decide on and a message that people read.
// What we did wrong is an assertion (TB_ASSERT in base/check.hpp), never one of these.
// A message names the account or the place, what happened and what to do; it never holds a secret.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tb {

enum class errc : std::uint8_t {
    // What a caller on the socket can meet; each is one Varlink error
    // (proto/io.tokenbroker.*.varlink).
    unknown_account,       // no such account, or not this caller's
    account_paused,        //
    login_required,        // the grant is dead: a person must log in
    misconfigured,         // an operator must change id, secret, scope, URL
    provider_unavailable,  // temporary; retry_after_ms says when it is worth asking again
    lifetime_too_short,    // no token of this provider can last that long
    too_many_requests,     // a per-uid or per-connection limit
    permission_denied,     // admin method, caller without the right
    invalid_parameter,     //
    account_exists,        //
    // What only we meet.
    io,           // read, write, connect
    timed_out,    // a deadline passed
    closed,       // the peer or we closed it
    protocol,     // the peer sent what the protocol forbids
    config,       // the configuration is wrong
    storage,      // the store could not do it now (disk full, I/O error)
    damaged,      // stored data is not what we wrote
    too_new,      // written by a newer version
    locked,       // another daemon owns it
    key_missing,  // sealed data without its key
    superseded,   // a newer grant is there; the change was not applied
    not_found,    //
};

struct Error {
    errc code{errc::io};
    std::string message;
    std::optional<std::int64_t> retry_after_ms{};  // provider_unavailable, too_many_requests
    std::optional<std::int64_t> longest_ms{};      // lifetime_too_short
    bool in_doubt = false;  // of the store: it may be written all the same; ask again as the same
    std::string_view failure{};  // of a renewal that failed: "RETRY", ... (to_string(FailureClass))
};

template <class T = void>
using Result = boost::system::result<T, Error>;

// The stable snake_case name of a code, for logs and JSON.
std::string_view to_string(errc code);

// result<T>::value() on an error is our bug: report and abort.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

}  // namespace tb
