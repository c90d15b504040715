// What a reply of Webroot's token endpoint means. Pure: the fuzzer and the vectors call it as the
// exchange does.
#pragma once

#include <string>
#include <vector>

#include "base/http.hpp"
#include "providers/provider.hpp"
#include "providers/scrub.hpp"

namespace tb::providers {

struct WebrootAsk {
    const SecretSet& grant;                  // what the request was made from
    const std::vector<std::string>& scopes;  // asked for
    Millis refresh_ttl;                      // of a refresh token that is new in the reply
    bool spends_grant;                       // a refresh; the password grant spends nothing
    const Scrubber& scrubber;                // knows every secret of the request
};
// Minted or Failed.
Done read_webroot_reply(const http::Reply& reply, const WebrootAsk& ask);

}  // namespace tb::providers
