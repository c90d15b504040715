// How bytes travel in requests: form bodies, query components, Basic credentials, base64. Results
// are Secret, because most of what is encoded is one.
#pragma once

#include <optional>
#include <string_view>

#include "base/secret.hpp"

namespace tb::providers {

// application/x-www-form-urlencoded as in RFC 6749 appendix B: space is '+', everything else but
// A-Za-z0-9-._* becomes %XX.
void append_form(Secret& out, std::string_view text);
// "name=value", with '&' in front unless `out` is empty. The name is sent as it is.
void append_form_field(Secret& out, std::string_view name, std::string_view value);
// One component of a query: everything but A-Za-z0-9-._~ becomes %XX (RFC 3986).
void append_query(Secret& out, std::string_view text);
// The inside of a JSON string.
void append_json(Secret& out, std::string_view text);

Secret base64(std::string_view bytes);
// The URL alphabet without padding (RFC 7515 section 2): JWTs, PKCE.
Secret base64_url(std::string_view bytes);
// Either alphabet, with or without padding: for claims only, never to alter a token.
std::optional<Secret> base64_decode_leniently(std::string_view text);

enum class BasicEncoding : std::uint8_t {
    raw,   // base64(id ":" secret), as Webroot documents it
    form,  // each form-encoded first, RFC 6749 section 2.3.1
};
// "Basic ..." for the Authorization header.
Secret basic_credentials(std::string_view id, std::string_view secret, BasicEncoding encoding);

}  // namespace tb::providers
