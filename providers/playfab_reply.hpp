// What a reply of GetEntityToken means. Pure: the fuzzer and the vectors call it as the exchange
// does.
#pragma once

#include <optional>

#include "base/http.hpp"
#include "providers/playfab_client.hpp"
#include "providers/playfab_errors.hpp"
#include "providers/provider.hpp"
#include "providers/scrub.hpp"

namespace tb::providers::playfab {

struct Ask {
    Credential sent;                      // what the request was authorised with
    const std::optional<Entity>& entity;  // asked for
    const Scrubber& scrubber;             // knows every secret of the exchange
};
struct Answer {
    Done done;                        // Minted without new_grant, or Failed
    bool credential_refused = false;  // done is Failed, and another credential may do
    bool revoked = false;             // error 1337
    bool stale = false;               // done is Failed: the token had expired when it came
};
Answer read_reply(const http::Reply& reply, const Ask& ask);

}  // namespace tb::providers::playfab
