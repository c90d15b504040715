// What a reply of a token endpoint means. Pure: fuzzers and vectors call it as the exchanges do.
#pragma once

#include "base/http.hpp"
#include "providers/oauth2_setup.hpp"
#include "providers/provider.hpp"
#include "providers/scrub.hpp"

namespace tb::providers::oauth2 {

enum class Asked : std::uint8_t { refresh, password, client_credentials, login, revocation };

struct Ask {
    const Setup& setup;
    const SecretSet& grant;  // what the request was made from; of a login: empty
    Asked asked;
    const Scrubber& scrubber;  // knows every secret of the request

    bool spends_grant() const { return asked == Asked::refresh && setup.spends_grant(); }
};

// Minted or Failed. A login's Minted always has a new grant.
Done read_token_reply(const http::Reply& reply, const Ask& ask);
// Revoked or Failed (RFC 7009): a token that isn't known there is revoked.
Done read_revocation_reply(const http::Reply& reply, const Ask& ask);

}  // namespace tb::providers::oauth2
