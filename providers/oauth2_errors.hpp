// What a server's refusal means: its error member, the operator's error_map, the RFC's codes.
#pragma once

#include <string>
#include <string_view>

#include "providers/json_reply.hpp"
#include "providers/oauth2_setup.hpp"
#include "providers/provider.hpp"
#include "providers/scrub.hpp"

namespace tb::providers::oauth2 {

// There is an error member: at the configured place or, where that is empty, at the RFC's.
bool has_error(const JsonReply::Value& root, const Setup& setup);

// The Failed of a parsed body, with or without an error member that can be read.
Failed read_error(const http::Reply& reply, const JsonReply::Value& root, const Setup& setup,
                  const Scrubber& scrubber);
// The same of an error that came in another way (a redirect); `where` is "HTTP 400".
Failed failed_by_code(std::string_view where, std::string_view code, std::string_view description,
                      const Setup& setup, const Scrubber& scrubber);

// The first of the server's error texts that is one of RFC 8628's answers to a poll, or "".
// authorization_declined reads as access_denied.
std::string_view polling_code(const http::Reply& reply, const Setup& setup);

}  // namespace tb::providers::oauth2
