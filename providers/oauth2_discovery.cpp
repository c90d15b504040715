// A discovery spends nothing, so whatever is lost is asked for again. What must stay true: no
// endpoint is taken from a document that wasn't read as a whole and by its issuer's name.
#include "providers/oauth2_discovery.hpp"

#include <fmt/format.h>

#include "providers/json_reply.hpp"
#include "providers/oauth2_request.hpp"
#include "providers/reply_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

using Kind = JsonReply::Kind;
using Value = JsonReply::Value;

std::optional<Endpoint> endpoint(const Value& root, std::string_view name, const Setup& setup) {
    const Value value = root.member(name);
    if (!value.is(Kind::string)) return std::nullopt;
    auto parsed = parse_endpoint(value.text(), setup.loopback_http);
    if (!parsed) return std::nullopt;
    return std::move(*parsed);
}

Failed bad_document(std::string code, std::string reason) {
    return failed(FailureClass::config, std::move(code), std::move(reason));
}

}  // namespace

std::variant<Metadata, Failed> read_metadata(const http::Reply& reply, const Setup& setup,
                                             const Scrubber& scrubber) {
    if (reply.status != 200) return failed_by_status(reply, false);
    if (media_of(reply) == Media::html) return failed_by_html(reply, false);
    const auto document = media_of(reply) == Media::json ? JsonReply::parse(reply.body.view())
                                                         : std::optional<JsonReply>();
    if (!document || !document->root().is(Kind::object))
        return bad_document("bad_discovery", "the issuer's discovery document is no JSON object");
    const Value root = document->root();
    const Value issuer = root.member("issuer");
    if (!issuer.is(Kind::string) || issuer.text() != setup.issuer)
        return bad_document("issuer_mismatch",
                            fmt::format("issuer is {}, but its discovery document is of \"{}\"; "
                                        "correct issuer, or set token_url",
                                        setup.issuer, scrubber.clean(issuer.text())));
    Metadata found;
    found.token = endpoint(root, "token_endpoint", setup);
    found.authorize = endpoint(root, "authorization_endpoint", setup);
    found.device = endpoint(root, "device_authorization_endpoint", setup);
    found.revoke = endpoint(root, "revocation_endpoint", setup);
    found.iss_in_redirects =
        root.member("authorization_response_iss_parameter_supported").boolean();
    return found;
}

std::variant<http::Request, Failed> Discovery::start() {
    second_place_ = false;
    return ask();
}

// RFC 8414 puts its name between host and path, OpenID Connect behind the path.
std::variant<http::Request, Failed> Discovery::ask() {
    const auto base = parse_base_url(setup_.issuer, setup_.loopback_http);
    if (!base) return failed(FailureClass::config, "bad_issuer", "issuer " + base.error().message);
    Endpoint at;
    at.origin = base->origin;
    at.target = second_place_ ? base->prefix + "/.well-known/openid-configuration"
                              : "/.well-known/oauth-authorization-server" + base->prefix;
    return plain_request(setup_, at);
}

std::variant<std::monostate, http::Request, Failed> Discovery::resume(
    const http::Outcome& outcome) {
    if (const auto* lost = std::get_if<http::Failure>(&outcome)) {
        Failed out = failed_by_transport(*lost, false);
        out.reason = scrubber_.clean(out.reason);
        return out;
    }
    const auto& reply = std::get<http::Reply>(outcome);
    auto read = read_metadata(reply, setup_, scrubber_);
    if (auto* fault = std::get_if<Failed>(&read)) {
        // No document at all: 404, a page, a redirect. One that is there but wrong is final.
        const bool absent = (reply.status >= 300 && reply.status < 500 && reply.status != 407 &&
                             class_of_status(reply.status, false) != FailureClass::retry) ||
                            (reply.status == 200 && fault->code != "issuer_mismatch");
        if (absent && !second_place_) {
            second_place_ = true;
            auto next = ask();
            if (auto* request = std::get_if<http::Request>(&next)) return std::move(*request);
            return std::move(std::get<Failed>(next));
        }
        fault->reason = scrubber_.clean("discovery at " + setup_.issuer + ": " + fault->reason);
        return std::move(*fault);
    }
    const auto& found = std::get<Metadata>(read);
    if (!setup_.token) setup_.token = found.token;
    if (!setup_.authorize) setup_.authorize = found.authorize;
    if (!setup_.device) setup_.device = found.device;
    if (!setup_.revoke) setup_.revoke = found.revoke;
    iss_in_redirects_ = found.iss_in_redirects;
    return std::monostate{};
}

}  // namespace tb::providers::oauth2
