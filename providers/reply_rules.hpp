// What holds for the replies of every provider before its own table is looked at: media types, the
// class of a status, failures of the transport, redirects.
#pragma once

#include <string>
#include <string_view>

#include "base/http.hpp"
#include "providers/provider.hpp"

namespace tb::providers {

enum class Media : std::uint8_t {
    json,   // application/json, anything+json, text/plain, or no type at all: worth a try
    html,   // a gateway's or portal's page, never the provider's answer
    other,  // includes any content coding: we asked for identity
};
Media media_of(const http::Reply& reply);

// The class of a status without a readable body. `spends_grant`: the request may have used up a
// single-use grant, so a gateway that gave up on it (502, 504) leaves the outcome unknown.
FailureClass class_of_status(int status, bool spends_grant);

// A Failed with `counts_for_origin` as the class says: only trouble of the way there or of the
// server counts, never what one account or its configuration did.
Failed failed(FailureClass failure, std::string code, std::string reason);
// By status alone, with its Retry-After; a 3xx names the host of Location and nothing else of it.
// 2xx is not a failure: don't ask.
Failed failed_by_status(const http::Reply& reply, bool spends_grant);
// A page instead of an answer.
Failed failed_by_html(const http::Reply& reply, bool spends_grant);
// The transport brought no reply. What spends nothing is harmless to repeat.
Failed failed_by_transport(const http::Failure& failure, bool spends_grant);

// The host of a Location header, or "an unreadable address".
std::string location_host(const http::Reply& reply);

}  // namespace tb::providers
