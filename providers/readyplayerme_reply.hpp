// What a reply of Ready Player Me's token endpoint means, without its age. Pure: the fuzzer and the
// vectors call it as the exchange does.
#pragma once

#include "base/http.hpp"
#include "providers/provider.hpp"
#include "providers/scrub.hpp"

namespace tb::providers {

inline constexpr Millis readyplayerme_lifetime{15'000};  // documented

struct ReadyPlayerMeAsk {
    bool usual_user_id;        // of the form that user ids have
    const Scrubber& scrubber;  // knows every secret of the request
};
// Minted or Failed.
Done read_readyplayerme_reply(const http::Reply& reply, const ReadyPlayerMeAsk& ask);

}  // namespace tb::providers
