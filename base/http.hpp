// One HTTPS exchange as plain values: what a provider's step machine asks for, and what the net
// thread brings back. No I/O here. Values cross threads by move.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/secret.hpp"
#include "base/time.hpp"

namespace tb {

// What the broker does with a failed renewal (docs/providers). Every failure is exactly one of
// these.
enum class FailureClass : std::uint8_t {
    retry,      // temporary, harmless to repeat: backoff with full jitter, Retry-After as a floor
    reauth,     // the grant is dead: login_required, never loop
    config,     // an operator must change something: at most one slow probe
    never,      // our request was wrong, or the reply is unusable: as config, and a line in the log
    ambiguous,  // sent, perhaps processed, the reply is lost: outcome unknown
};
std::string_view to_string(FailureClass failure);  // "RETRY", "REAUTH", "CONFIG", "NEVER", "AMBIG"

namespace http {

struct Header {
    std::string name;
    Secret value;  // may be a credential; all of them are treated as one
};

struct Request {
    std::string method;  // "GET", "POST"
    std::string origin;  // "https://host" or "https://host:port", lower case; http only for
                         // loopback where configured
    Secret target;       // "/path?query", already encoded
    std::vector<Header>
        headers;  // without Host, Content-Length, Connection: those are the client's
    Secret body;
    // It spends a single-use grant: only a connection idle for less than 2 s or a fresh one, never
    // sent twice by the client itself. Other requests may be sent again once if no byte of a reply
    // came.
    bool spends_grant = false;
    std::string ca_file;  // PEM trusted instead of the system's store; empty = the system's
    std::string
        proxy;  // "http://host:port" for CONNECT; empty = none. The daemon has applied no_proxy.
    Millis timeout{
        30'000};  // one absolute deadline for look-up, connect, handshake, request, reply
    std::string user_agent{};  // set by the client if empty
};

struct Reply {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
    Secret body;
    BootTime sent_at{};        // when the first byte of the request was handed to the connection:
                               // lifetimes start here
    WallTime received_wall{};  // for replies without a usable Date
    std::optional<WallTime> certificate_ends;  // the server's own, where it was TLS

    const std::string* header(
        std::string_view lower_case_name) const;  // the first of that name, or nullptr
};

// The exchange brought no whole reply.
struct Failure {
    FailureClass failure = FailureClass::retry;  // retry | config | ambiguous | never
    bool sent = false;   // at least one byte of the request may have reached the peer
    std::string reason;  // for people; origin and cause, no secret
    std::string code;    // stable: "dns", "connect", "tls_verify", "tls", "timeout", "reset",
                       // "truncated", "too_large", "proxy", "bad_reply", "shutdown", "bad_request"
};

using Outcome = std::variant<Reply, Failure>;

}  // namespace http
}  // namespace tb
