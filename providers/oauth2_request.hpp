// Requests to an authorization server: a form, the client's authentication, nothing else secret.
#pragma once

#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/http.hpp"
#include "providers/oauth2_setup.hpp"
#include "providers/provider.hpp"
#include "providers/scrub.hpp"

namespace tb::providers::oauth2 {

// Sent in this order; an empty value is sent too.
using FormFields = std::vector<std::pair<std::string_view, std::string_view>>;

// Everything that a request of this client could carry, in every form it could be echoed in.
void add_secrets(Scrubber& scrubber, const Context& context);

// One way of client authentication a request, never two. Failed where the client's secret or key
// is missing or no use. The scrubber learns what is made for this request alone.
std::variant<http::Request, Failed> form_request(const Setup& setup, const Context& context,
                                                 const Endpoint& endpoint, const FormFields& fields,
                                                 Scrubber& scrubber);
// The same without the client's secret: only its id.
http::Request open_form_request(const Setup& setup, const Endpoint& endpoint,
                                const FormFields& fields);
// A GET of something public.
http::Request plain_request(const Setup& setup, const Endpoint& endpoint);

}  // namespace tb::providers::oauth2
