// Logins of any client that has a Setup: authorization code with PKCE, device, password.
#pragma once

#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "providers/login.hpp"
#include "providers/oauth2_setup.hpp"
#include "providers/scrub.hpp"

namespace tb::providers::oauth2 {

// Code where there is an authorization endpoint, device where there is a device endpoint (or an
// issuer, whose document may name them), password only where the section allows it.
std::vector<LoginFlow> flows_of(const Setup& setup);
std::unique_ptr<Login> begin_login(Setup setup, Context context, LoginRequest request);

std::unique_ptr<Login> begin_code_login(Setup setup, Context context, LoginRequest request);
std::unique_ptr<Login> begin_device_login(Setup setup, Context context);
std::unique_ptr<Login> begin_password_login(Setup setup, Context context, LoginRequest request);

// What a device authorization reply says (RFC 8628 section 3.2).
struct DeviceGrant {
    Secret device_code;  // never shown
    std::string user_code;
    std::string verification_uri;
    std::string complete_uri;  // may be empty
    Millis expires_in{0};
    Millis interval{0};
};
std::variant<DeviceGrant, Failed> read_device_reply(const http::Reply& reply, const Setup& setup,
                                                    const Scrubber& scrubber);

// What a browser brought back in its query, decoded. A parameter that is there twice, or a byte
// that is no proper %XX, makes all of it no use (RFC 6749 section 3.1).
class RedirectQuery {
  public:
    static std::optional<RedirectQuery> parse(std::string_view query);
    const Secret* find(std::string_view name) const;  // nullptr if it isn't there

  private:
    SecretSet parameters_;
};

}  // namespace tb::providers::oauth2
