// How a person enrols an account without pasting a grant: a step machine like Exchange, with two
// more steps, to show something and to wait. The broker performs each Send over HTTPS, hands each
// Show to whoever runs `tokenbroker login`, and waits where it says. The login ends as a renewal
// does: Minted with the whole new grant, or Failed. PKCE's verifier, `state` and the device code
// never leave the machine but in a Send.
// Source: RFC 6749 section 4.1, RFC 7636, RFC 8252 section 7.3, RFC 9207, RFC 8628.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "providers/provider.hpp"

namespace tb::providers {

enum class LoginFlow : std::uint8_t {
    code,      // authorization code with PKCE (S256) through a loopback redirect
    device,    // RFC 8628
    password,  // RFC 6749 section 4.3; only where the client section allows it
};
std::string_view to_string(LoginFlow flow);  // "code", "device", "password"

struct LoginRequest {
    LoginFlow flow = LoginFlow::code;
    std::string redirect_uri;  // code only: "http://127.0.0.1:43211/callback"
    SecretSet given;           // password only: username, password
};

// Show this to the person. code: shown() follows with what the browser brought back. device:
// shown("") follows at once.
struct Show {
    std::string url;           // to open; device: verification_uri
    std::string complete_url;  // device: with the code in it, for a QR code; may be empty
    std::string user_code;     // device only
    Millis expires_in{0};      // after that the provider gives up; the broker ends the login then
};
// Nothing to send for so long, then waited(). Device polls; the time counts from the last reply.
struct Pause {
    Millis wait{0};
};
using LoginStep = std::variant<Send, Show, Pause, Done>;

class Login {
  public:
    virtual ~Login() = default;
    virtual LoginStep start() = 0;
    // With the outcome of the last Send.
    virtual LoginStep resume(http::Outcome outcome) = 0;
    // Code: the query of the request that came to the redirect URI ("code=...&state=..."), or
    // after a Show of the device flow an empty text. A query of somebody else's (a wrong state) is
    // a Failed; nothing is sent then.
    virtual LoginStep shown(std::string_view query) = 0;
    // After a Pause.
    virtual LoginStep waited() = 0;
};

}  // namespace tb::providers
