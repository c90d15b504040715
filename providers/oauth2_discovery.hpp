// Endpoints from the issuer's own document: RFC 8414 first, OpenID Connect's place second.
#pragma once

#include <optional>
#include <variant>

#include "base/http.hpp"
#include "providers/oauth2_setup.hpp"
#include "providers/provider.hpp"
#include "providers/scrub.hpp"

namespace tb::providers::oauth2 {

struct Metadata {
    std::optional<Endpoint> token, authorize, device, revoke;
    bool iss_in_redirects = false;  // authorization_response_iss_parameter_supported
};
// The issuer in the document must be the configured one, byte by byte: a document that names
// another would send our secrets to a stranger. An endpoint that can't be used is left out.
std::variant<Metadata, Failed> read_metadata(const http::Reply& reply, const Setup& setup,
                                             const Scrubber& scrubber);

class Discovery {
  public:
    // Fills what `setup` has no endpoint for; what is configured wins.
    Discovery(Setup& setup, const Scrubber& scrubber) : setup_(setup), scrubber_(scrubber) {}

    std::variant<http::Request, Failed> start();
    // monostate: `setup` is complete.
    std::variant<std::monostate, http::Request, Failed> resume(const http::Outcome& outcome);
    bool iss_in_redirects() const { return iss_in_redirects_; }

  private:
    std::variant<http::Request, Failed> ask();
    Setup& setup_;
    const Scrubber& scrubber_;
    bool second_place_ = false;
    bool iss_in_redirects_ = false;
};

}  // namespace tb::providers::oauth2
