// What a reply of Immersve's token endpoint means. Pure: the fuzzer and the vectors call it as the
// exchange does.
#pragma once

#include <string_view>

#include "base/http.hpp"
#include "providers/provider.hpp"
#include "providers/scrub.hpp"

namespace tb::providers {

// In a grant: the reply that this refresh token was sent for brought no successor, so it is most
// likely used up. It is kept, for it is all there is; a refusal of it is then final. Gone with the
// next refresh token, from a reply or from an operator.
inline constexpr std::string_view immersve_probably_spent = "probably_spent";

// Documented; used where a token's own claims can't be read.
inline constexpr Millis immersve_access_lifetime{1'200'000};
inline constexpr Millis immersve_refresh_lifetime{std::int64_t{30} * 86'400'000};

struct ImmersveAsk {
    const SecretSet& grant;    // what the request was made from
    bool outcome_unknown;      // this was a replay: the refresh token may be spent
    const Scrubber& scrubber;  // knows every secret of the request
};
// Minted or Failed.
Done read_immersve_reply(const http::Reply& reply, const ImmersveAsk& ask);

}  // namespace tb::providers
