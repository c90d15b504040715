// What must stay true: secrets only in the body or the Authorization header; the endpoint's query
// is the operator's, kept as written.
#include "providers/oauth2_request.hpp"

#include <fmt/format.h>

#include "base/limits.hpp"
#include "providers/oauth2_assertion.hpp"
#include "providers/reply_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

constexpr std::string_view jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

http::Request bare(const Setup& setup, const Endpoint& endpoint) {
    http::Request request;
    request.origin = endpoint.origin;
    request.target = Secret(endpoint.target);
    request.user_agent = setup.user_agent;
    request.timeout = limits::exchange_timeout_ms;
    return request;
}

void add_headers(http::Request& request, const Setup& setup, bool form) {
    if (form)
        request.headers.push_back({"Content-Type", Secret("application/x-www-form-urlencoded")});
    request.headers.push_back({"Accept", Secret("application/json")});
    request.headers.push_back({"Accept-Encoding", Secret("identity")});
    if (!form) return;
    for (const auto& [name, value] : setup.extra_headers)
        request.headers.push_back({name, Secret(value)});
}

void append_all(Secret& body, const FormFields& fields) {
    for (const auto& [name, value] : fields) {
        if (!body.empty()) body.push_back('&');
        append_form(body, name);
        body.push_back('=');
        append_form(body, value);
    }
}

Failed missing(const Context& context, std::string_view name) {
    return failed(FailureClass::config, fmt::format("no_{}", name),
                  fmt::format("client {0} has no {1}; run: tokenbroker client set-secret {0}{2}",
                              context.client.name, name,
                              name == "client_secret" ? "" : fmt::format(" --name {}", name)));
}

// Adds the client's authentication to the request; the body begins with what of it goes there.
std::optional<Failed> authenticate(http::Request& request, const Setup& setup,
                                   const Context& context, Scrubber& scrubber) {
    if (setup.client_auth == ClientAuth::none) {
        append_form_field(request.body, "client_id", setup.client_id);
        return std::nullopt;
    }
    const bool key = setup.client_auth == ClientAuth::private_key_jwt;
    const std::string_view name = key ? "private_key" : "client_secret";
    const Secret* secret = context.client_secrets.find(name);
    if (secret == nullptr || secret->empty()) return missing(context, name);
    if (setup.client_auth == ClientAuth::basic) {
        request.headers.push_back(
            {"Authorization",
             basic_credentials(setup.client_id, secret->view(), setup.basic_encoding)});
        return std::nullopt;
    }
    append_form_field(request.body, "client_id", setup.client_id);
    if (!key) {
        append_form_field(request.body, "client_secret", secret->view());
        return std::nullopt;
    }
    const std::string audience = setup.audience_is_issuer ? setup.issuer
                                 : setup.token            ? setup.token->url()
                                                          : request.origin;
    auto assertion = sign_assertion(
        *secret, {setup.client_id, audience, setup.key_id, context.clock.wall()}, context.random);
    if (!assertion)
        return failed(FailureClass::config, "bad_private_key",
                      fmt::format("client {}: {}", context.client.name, assertion.error().message));
    scrubber.add(assertion->view());
    append_form_field(request.body, "client_assertion_type", jwt_bearer);
    append_form_field(request.body, "client_assertion", assertion->view());
    return std::nullopt;
}

}  // namespace

void add_secrets(Scrubber& scrubber, const Context& context) {
    scrubber.add(context.grant);
    scrubber.add(context.client_secrets);
    const Secret* secret = context.client_secrets.find("client_secret");
    if (secret == nullptr) return;
    for (const BasicEncoding encoding : {BasicEncoding::raw, BasicEncoding::form}) {
        const Secret basic = basic_credentials(context.client.client_id, secret->view(), encoding);
        scrubber.add(basic.view().substr(std::string_view("Basic ").size()));
    }
}

std::variant<http::Request, Failed> form_request(const Setup& setup, const Context& context,
                                                 const Endpoint& endpoint, const FormFields& fields,
                                                 Scrubber& scrubber) {
    http::Request request = bare(setup, endpoint);
    request.method = "POST";
    request.body.reserve(1024);
    if (auto fault = authenticate(request, setup, context, scrubber)) return std::move(*fault);
    append_all(request.body, fields);
    add_headers(request, setup, true);
    return request;
}

http::Request open_form_request(const Setup& setup, const Endpoint& endpoint,
                                const FormFields& fields) {
    http::Request request = bare(setup, endpoint);
    request.method = "POST";
    append_form_field(request.body, "client_id", setup.client_id);
    append_all(request.body, fields);
    add_headers(request, setup, true);
    return request;
}

http::Request plain_request(const Setup& setup, const Endpoint& endpoint) {
    http::Request request = bare(setup, endpoint);
    request.method = "GET";
    add_headers(request, setup, false);
    return request;
}

}  // namespace tb::providers::oauth2
