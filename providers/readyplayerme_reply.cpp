// Order: status, media type, JSON, schema. What must stay true: what a caller's user_id can bring
// about (400, 403, 404, an odd success) concerns that user alone, so that no caller can stop the
// others; a token never counts for longer than the documented 15 s.
#include "providers/readyplayerme_reply.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "providers/json_reply.hpp"
#include "providers/jwt_claims.hpp"
#include "providers/reply_rules.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers {
namespace {

using Kind = JsonReply::Kind;
using Value = JsonReply::Value;

Failed of_this_user(FailureClass failure, std::string code, std::string reason) {
    Failed out = failed(failure, std::move(code), std::move(reason));
    out.scope = Failed::Scope::parameters;
    return out;
}

Failed unreadable(std::string code, std::string reason) {
    return of_this_user(FailureClass::never, std::move(code), std::move(reason));
}

// Documented: 15 s. Its own claims may say less, and are taken as a span, so that nobody's clock
// matters.
Millis life_of(std::string_view token, std::vector<std::string>& warnings) {
    const auto claims = read_jwt_claims(token);
    if (claims && claims->expires && claims->issued)
        return std::min(readyplayerme_lifetime,
                        lifetime_of(*claims, *claims->issued).value_or(readyplayerme_lifetime));
    warnings.emplace_back(claims ? "the token has no iat and exp in seconds; taken to live 15 s"
                                 : "the token is no JWT that can be read; taken to live 15 s");
    return readyplayerme_lifetime;
}

// It ends up in the address of an iframe.
bool is_url_safe(std::string_view token) {
    return std::all_of(token.begin(), token.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_' || c == '~';
    });
}

Done read_token(const http::Reply& reply, const Value& root) {
    const Value token = root.member("data").member("token");
    if (!token.is(Kind::string) || token.text().empty())
        return unreadable("bad_schema", "the reply has no usable data.token member");
    if (!good_access_token(token.text()))
        return unreadable("bad_charset",
                          "the token holds bytes that can't be handed out, or too many");
    Minted minted;
    minted.access_token = Secret(token.text());
    minted.query_name = "token";
    minted.sent_at = reply.sent_at;
    minted.lifetime = life_of(token.text(), minted.warnings);
    if (!is_url_safe(token.text()))
        minted.warnings.emplace_back("the token must be percent-encoded in a URL");
    return minted;
}

Done read_ok(const http::Reply& reply) {
    if (reply.body.empty())
        return unreadable("empty_reply", fmt::format("HTTP {} without a body", reply.status));
    const Media media = media_of(reply);
    if (media == Media::html) return failed_by_html(reply, false);
    if (media == Media::other)
        return unreadable("bad_media_type",
                          fmt::format("HTTP {} with a body that is not JSON", reply.status));
    std::string why;
    const auto document = JsonReply::parse(reply.body.view(), &why);
    if (!document)
        return unreadable("bad_json", fmt::format("the reply is no proper JSON: {}", why));
    return read_token(reply, document->root());
}

// `message` of an error body, where there is one.
std::string words_of(const http::Reply& reply, const Scrubber& scrubber) {
    if (media_of(reply) != Media::json) return {};
    const auto document = JsonReply::parse(reply.body.view());
    const std::string words =
        document ? scrubber.clean(document->root().member("message").text()) : std::string();
    return words.empty() ? words : fmt::format(": \"{}\"", words);
}

Failed read_refusal(const http::Reply& reply, const ReadyPlayerMeAsk& ask) {
    if (media_of(reply) == Media::html) return failed_by_html(reply, false);
    const std::string said = fmt::format("HTTP {}{}", reply.status, words_of(reply, ask.scrubber));
    const std::string_view odd =
        ask.usual_user_id ? "" : "; this user_id is not of 24 hex digits (0-9, a-f)";
    switch (reply.status) {
        case 400:
            return of_this_user(FailureClass::never, "bad_request",
                                fmt::format("{}; check partner and user_id{}", said, odd));
        case 401:
            return failed(FailureClass::config, "invalid_api_key",
                          said + "; the API key is missing or wrong");
        case 402:
            return failed(FailureClass::config, "request_failed",
                          said +
                              "; the request was understood and failed: check the "
                              "application's standing at Ready Player Me");
        case 403:
            return of_this_user(FailureClass::reauth, "not_authorized",
                                said + "; this user must authorise your application first");
        case 404:
            return of_this_user(FailureClass::config, "unknown_user",
                                fmt::format("{}; there is no such user{}", said, odd));
        default:
            break;
    }
    Failed out = failed_by_status(reply, false);
    if (out.retry_after)
        out.reason +=
            fmt::format("; it asks to wait for {} s", (out.retry_after->count() + 999) / 1'000);
    return out;
}

}  // namespace

Done read_readyplayerme_reply(const http::Reply& reply, const ReadyPlayerMeAsk& ask) {
    Done done =
        reply.status >= 200 && reply.status < 300 ? read_ok(reply) : Done(read_refusal(reply, ask));
    if (auto* f = std::get_if<Failed>(&done)) f->reason = ask.scrubber.clean(f->reason);
    return done;
}

}  // namespace tb::providers
