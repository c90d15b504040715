// What comes back during a login: redirect queries, discovery documents, device replies. A code is
// sent only for our own state; endpoints and addresses are https; what is shown fits a terminal.
// Input: a query on the first line, then a reply as on the wire.
#include <algorithm>
#include <string>

#include "base/check.hpp"
#include "providers/oauth2_discovery.hpp"
#include "providers/oauth2_login.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/reply_input.hpp"

using namespace tb;
using namespace tb::providers;
using namespace tb::providers::oauth2;

namespace {

// What ZeroRandom draws, in base64url.
const std::string state(43, 'A');

Setup a_setup() {
    Setup setup;
    setup.token = Endpoint{"https://id.example.com", "/token"};
    setup.authorize = Endpoint{"https://id.example.com", "/authorize"};
    setup.issuer = "https://id.example.com";
    setup.client_auth = ClientAuth::none;
    setup.client_id = "app";
    return setup;
}

bool printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7E; });
}

void check_redirect(std::string_view query) {
    static const fuzz::StillClock clock;
    static fuzz::ZeroRandom random;
    const ClientSettings client;
    const std::vector<std::pair<std::string, std::string>> attributes;
    const SecretSet none;
    const auto login = begin_code_login(
        a_setup(),
        {client, "shop/main", attributes, none, none, {}, false, Purpose::renew, clock, random},
        {LoginFlow::code, "http://127.0.0.1:1/callback", {}});
    TB_ASSERT(std::holds_alternative<Show>(login->start()));
    const LoginStep step = login->shown(query);
    if (const auto* done = std::get_if<Done>(&step)) {
        const auto& failed = std::get<Failed>(*done);
        TB_ASSERT(printable(failed.reason) && !failed.reason.empty());
        return;
    }
    TB_ASSERT(std::holds_alternative<Send>(step));
    const auto parsed = RedirectQuery::parse(query);
    TB_ASSERT(parsed && parsed->find("state")->view() == state);
    TB_ASSERT(parsed->find("iss") == nullptr ||
              parsed->find("iss")->view() == "https://id.example.com");
    TB_ASSERT(printable(std::get<Send>(step).request.body.view()));
}

void check_endpoint(const std::optional<Endpoint>& endpoint) {
    if (!endpoint) return;
    TB_ASSERT(endpoint->origin.starts_with("https://") && endpoint->target.starts_with('/'));
    TB_ASSERT(printable(endpoint->url()) && endpoint->url().find(' ') == std::string::npos);
}

}  // namespace

TB_JSON_INPUT(fuzz::body)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    check_redirect(fuzz::line(text));
    const http::Reply reply = fuzz::reply_of(text);
    const Setup setup = a_setup();
    const Scrubber scrubber;
    const auto metadata = read_metadata(reply, setup, scrubber);
    if (const auto* found = std::get_if<Metadata>(&metadata)) {
        TB_ASSERT(reply.body.view().find(setup.issuer.substr(8)) != std::string_view::npos ||
                  reply.body.view().find('\\') != std::string_view::npos);
        check_endpoint(found->token);
        check_endpoint(found->authorize);
        check_endpoint(found->device);
        check_endpoint(found->revoke);
    }
    const auto device = read_device_reply(reply, setup, scrubber);
    if (const auto* grant = std::get_if<DeviceGrant>(&device)) {
        TB_ASSERT(printable(grant->user_code) && !grant->user_code.empty());
        TB_ASSERT(grant->verification_uri.size() > 8 && printable(grant->verification_uri));
        TB_ASSERT(grant->interval >= Millis{1'000} && grant->interval <= Millis{300'000});
        TB_ASSERT(grant->expires_in > Millis{0});
    }
    return 0;
}
