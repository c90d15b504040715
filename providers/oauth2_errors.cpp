// What must stay true: only a code that is known, by the RFC or by the operator, makes a grant
// dead; codes are our words, and what the server said is scrubbed.
#include "providers/oauth2_errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "providers/dates.hpp"
#include "providers/json_pointer.hpp"
#include "providers/reply_rules.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

using Kind = JsonReply::Kind;
using Value = JsonReply::Value;

constexpr std::string_view rfc_error = "/error";

struct Known {
    std::string_view code;
    FailureClass failure;
    std::string_view advice;
};

const Known* known_code(std::string_view code) {
    static constexpr std::array<Known, 13> known = {{
        {"invalid_grant", FailureClass::reauth, "the grant is refused"},
        {"invalid_client", FailureClass::config, "check client_id and client_secret"},
        {"unauthorized_client", FailureClass::config,
         "the application may not use this grant type; check its registration"},
        {"invalid_scope", FailureClass::config, "check scopes"},
        {"access_denied", FailureClass::config, "the application is not allowed to do this"},
        {"invalid_target", FailureClass::config, "check the resource in extra_params"},
        {"invalid_request", FailureClass::never, "the request was refused as malformed"},
        {"unsupported_grant_type", FailureClass::never, "the grant type is not known there"},
        {"unsupported_response_type", FailureClass::never, "the request was refused as malformed"},
        {"unsupported_token_type", FailureClass::never, "tokens of this kind can't be revoked"},
        {"temporarily_unavailable", FailureClass::retry, "temporary"},
        {"server_error", FailureClass::retry, "temporary"},
        {"slow_down", FailureClass::retry, "asked too often"},
    }};
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const Known& one) { return one.code == code; });
    return found == known.end() ? nullptr : &*found;
}

FailureClass class_of(Meaning meaning) {
    switch (meaning) {
        case Meaning::retry:
            return FailureClass::retry;
        case Meaning::reauth:
            return FailureClass::reauth;
        case Meaning::config:
            return FailureClass::config;
        case Meaning::never:
            return FailureClass::never;
    }
    return FailureClass::config;
}

std::optional<FailureClass> mapped(std::string_view text, const Setup& setup) {
    for (const auto& [code, meaning] : setup.error_map)
        if (!text.empty() && equal_ignoring_case(code, text)) return class_of(meaning);
    return std::nullopt;
}

// A dead refresh token was seen as invalid_request with the real error as JSON in the description.
std::string_view promoted(std::string_view code, std::string_view description) {
    const auto nested = JsonReply::parse(description);
    if (!nested) return code;
    const Value inner = nested->root().member("error");
    for (const std::string_view real : {"invalid_grant", "invalid_client"})
        if (inner.is(Kind::string) && inner.text() == real) return real;
    return code;
}

bool is_there(const Value& value) {
    return !value.missing() && !(value.is(Kind::string) && value.text().empty());
}

}  // namespace

bool has_error(const Value& root, const Setup& setup) {
    return is_there(at_pointer(root, setup.fields.error)) || is_there(at_pointer(root, rfc_error));
}

Failed failed_by_code(std::string_view where, std::string_view code, std::string_view description,
                      const Setup& setup, const Scrubber& scrubber) {
    const std::string words = scrubber.clean(description);
    const std::string said = words.empty() ? "" : fmt::format(": \"{}\"", words);
    auto meaning = mapped(code, setup);
    if (!meaning) meaning = mapped(description, setup);
    if (meaning) {
        const bool dead = *meaning == FailureClass::reauth;
        return failed(*meaning, dead ? "invalid_grant" : "mapped_error",
                      fmt::format("{} with \"{}\", which error_map names{}", where,
                                  scrubber.clean(code), said));
    }
    if (const Known* known = known_code(code))
        return failed(known->failure, std::string(known->code),
                      fmt::format("{} {} ({}){}", where, known->code, known->advice, said));
    const std::string name = scrubber.clean(code);
    return failed(FailureClass::config, "unknown_error",
                  fmt::format("{} with {}{}", where,
                              name.empty() ? "no error code that can be read"
                                           : fmt::format("the unknown error \"{}\"", name),
                              said));
}

Failed read_error(const http::Reply& reply, const Value& root, const Setup& setup,
                  const Scrubber& scrubber) {
    const Value description = at_pointer(root, setup.fields.error_description);
    std::string_view code = at_pointer(root, setup.fields.error).text();
    if (setup.nested_errors) code = promoted(code, description.text());
    const std::string where = fmt::format("HTTP {}", reply.status);
    Failed out = failed_by_code(where, code, description.text(), setup, scrubber);
    const std::string_view rfc = at_pointer(root, rfc_error).text();
    if (out.code == "unknown_error" && rfc != code &&
        (known_code(rfc) != nullptr || mapped(rfc, setup)))
        out = failed_by_code(where, rfc, description.text().empty() ? code : description.text(),
                             setup, scrubber);
    if (out.failure == FailureClass::retry) out.retry_after = retry_after_of(reply);
    return out;
}

std::string_view polling_code(const http::Reply& reply, const Setup& setup) {
    if (reply.status < 400 || reply.status >= 500 || media_of(reply) != Media::json) return "";
    const auto document = JsonReply::parse(reply.body.view());
    if (!document) return "";
    for (const std::string_view pointer : {std::string_view(setup.fields.error), rfc_error}) {
        const std::string_view code = at_pointer(document->root(), pointer).text();
        if (code == "authorization_declined") return "access_denied";
        for (const std::string_view one :
             {"authorization_pending", "slow_down", "access_denied", "expired_token"})
            if (code == one) return one;
    }
    return "";
}

}  // namespace tb::providers::oauth2
