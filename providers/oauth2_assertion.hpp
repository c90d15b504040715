// Client authentication with a key instead of a secret (RFC 7523 section 2.2): a short JWT, signed
// anew for each request. The algorithm follows from the key: P-256 is ES256, RSA is RS256, Ed25519
// is EdDSA.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

namespace tb::providers::oauth2 {

struct AssertionClaims {
    std::string_view client_id;  // issuer and subject
    std::string_view audience;   // the token endpoint or the issuer of the server
    std::string_view key_id;     // may be empty
    WallTime now;
};
inline constexpr Millis assertion_lifetime{120'000};

// `pem`: a private key, not encrypted. The message of an error names no byte of it.
Result<Secret> sign_assertion(const Secret& pem, const AssertionClaims& claims, Random& random);

}  // namespace tb::providers::oauth2
