// Order: status, media type, JSON, error member, schema. What must stay true: only a parsed
// invalid_grant below 500 makes a grant dead; a success that can't be read leaves the outcome
// unknown, for the refresh token may be spent; a successor that was read is never dropped.
#include "providers/webroot_reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "providers/dates.hpp"
#include "providers/json_reply.hpp"
#include "providers/reply_rules.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers {
namespace {

using Kind = JsonReply::Kind;
using Value = JsonReply::Value;

// Documented: access tokens live 5 minutes; replies say 299.
constexpr Millis default_lifetime{299'000};

Failed unreadable(const WebrootAsk& ask, std::string code, std::string reason) {
    Failed out = failed(ask.spends_grant ? FailureClass::ambiguous : FailureClass::never,
                        std::move(code), std::move(reason));
    out.counts_for_origin = false;  // the origin answers; what it says is the trouble
    return out;
}

struct Meaning {
    std::string_view code;
    FailureClass failure;
    std::string_view advice;
};

const Meaning* meaning_of(std::string_view code) {
    static constexpr std::array<Meaning, 11> known = {{
        {"invalid_grant", FailureClass::reauth, "the grant is refused"},
        {"invalid_client", FailureClass::config, "check client_id and client_secret"},
        {"unauthorized_client", FailureClass::config,
         "the application may not use this grant type; check its registration"},
        {"invalid_scope", FailureClass::config, "check scopes"},
        {"access_denied", FailureClass::config, "the application is not allowed to do this"},
        {"invalid_request", FailureClass::never, "the request was refused as malformed"},
        {"unsupported_grant_type", FailureClass::never, "the grant type is not known there"},
        {"unsupported_response_type", FailureClass::never, "the request was refused as malformed"},
        {"temporarily_unavailable", FailureClass::retry, "temporary"},
        {"server_error", FailureClass::retry, "temporary"},
        {"slow_down", FailureClass::retry, "asked too often"},
    }};
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const Meaning& m) { return m.code == code; });
    return found == known.end() ? nullptr : &*found;
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

Failed read_error(const http::Reply& reply, const Value& root, const WebrootAsk& ask) {
    const Value error = root.member("error");
    const std::string_view description = root.member("error_description").text();
    const std::string_view code = promoted(error.text(), description);
    const Meaning* meaning = meaning_of(code);
    const std::string words = ask.scrubber.clean(description);
    const std::string said = words.empty() ? "" : fmt::format(": \"{}\"", words);
    if (meaning == nullptr) {
        const std::string name = ask.scrubber.clean(error.text());
        return failed(FailureClass::config, "unknown_error",
                      fmt::format("HTTP {} with {}{}", reply.status,
                                  name.empty() ? "no error code that can be read"
                                               : fmt::format("the unknown error \"{}\"", name),
                                  said));
    }
    Failed out = failed(
        meaning->failure, std::string(meaning->code),
        fmt::format("HTTP {} {} ({}){}", reply.status, meaning->code, meaning->advice, said));
    if (out.failure == FailureClass::retry) out.retry_after = retry_after_of(reply);
    return out;
}

// The whole new set if the reply brings another refresh token than the one that was sent.
std::optional<SecretSet> successor(const Value& root, const WebrootAsk& ask) {
    const Value token = root.member("refresh_token");
    if (!token.is(Kind::string) || !good_refresh_token(token.text())) return std::nullopt;
    const Secret* sent = ask.grant.find("refresh_token");
    if (sent != nullptr && sent->view() == token.text()) return std::nullopt;
    SecretSet set = ask.grant.copy();
    set.set("refresh_token", Secret(token.text()));
    return set;
}

std::optional<Failed> schema_fault(const Value& root, const WebrootAsk& ask) {
    const Value access = root.member("access_token");
    if (!access.is(Kind::string) || access.text().empty())
        return unreadable(ask, "bad_schema", "the reply has no usable access_token member");
    if (!good_access_token(access.text()))
        return unreadable(ask, "bad_charset",
                          "the access token holds bytes that no header can carry, or too many");
    const Value refresh = root.member("refresh_token");
    if (!refresh.missing() && !refresh.is(Kind::string))
        return unreadable(ask, "bad_schema", "the reply's refresh_token is no string");
    if (!refresh.text().empty() && !good_refresh_token(refresh.text()))
        return unreadable(ask, "bad_charset", "the refresh token holds bytes that can't be sent");
    const Value type = root.member("token_type");
    if (!type.missing() && !(type.is(Kind::string) && equal_ignoring_case(type.text(), "bearer")))
        return failed(FailureClass::never, "bad_token_type",
                      "the token is of another type than bearer; this version can't hand it out");
    const Value expires = root.member("expires_in");
    if (!expires.missing() && !parse_expires_in(expires))
        return failed(FailureClass::never, "bad_expires_in",
                      "expires_in is no number of seconds from 0 on");
    return std::nullopt;
}

void read_scopes(const Value& root, const WebrootAsk& ask, Minted& into) {
    const Value scope = root.member("scope");
    into.scopes = ask.scopes;  // absent: as requested (RFC 6749 section 5.1)
    if (scope.missing()) return;
    auto granted = parse_scopes(scope);
    if (!granted) {
        into.warnings.emplace_back("the reply's scope has no known form; taken as requested");
        return;
    }
    into.scopes.clear();
    for (const std::string& one : *granted)
        into.scopes.push_back(ask.scrubber.clean(one));
    for (const std::string& wanted : ask.scopes) {
        const bool there = std::any_of(granted->begin(), granted->end(), [&](const auto& one) {
            return equal_ignoring_case(one, wanted);  // Webroot grants ECom.Shop for ecom.shop
        });
        if (!there) into.warnings.push_back(fmt::format("scope {} was not granted", wanted));
    }
}

Done read_success(const http::Reply& reply, const Value& root, const WebrootAsk& ask) {
    if (auto fault = schema_fault(root, ask)) {
        fault->new_grant = successor(root, ask);
        return std::move(*fault);
    }
    Minted minted;
    minted.access_token = Secret(root.member("access_token").text());
    minted.sent_at = reply.sent_at;
    const Value expires = root.member("expires_in");
    minted.lifetime = expires.missing() ? default_lifetime : parse_expires_in(expires);
    if (expires.missing())
        minted.warnings.emplace_back("the reply has no expires_in; taken as 299 s");
    if (root.member("token_type").missing())
        minted.warnings.emplace_back("the reply has no token_type; taken as bearer");
    minted.new_grant = successor(root, ask);
    if (minted.new_grant) minted.grant_lifetime = ask.refresh_ttl;
    if (ask.spends_grant && root.member("refresh_token").text().empty())
        minted.warnings.emplace_back("the reply has no refresh_token; the old one is kept");
    read_scopes(root, ask, minted);
    return minted;
}

Done read_ok(const http::Reply& reply, const WebrootAsk& ask) {
    const Media media = media_of(reply);
    if (reply.status == 204 || reply.body.empty())
        return unreadable(ask, "empty_reply", fmt::format("HTTP {} without a body", reply.status));
    if (media == Media::html) return failed_by_html(reply, ask.spends_grant);
    if (media == Media::other)
        return unreadable(ask, "bad_media_type",
                          fmt::format("HTTP {} with a body that is not JSON", reply.status));
    std::string why;
    const auto document = JsonReply::parse(reply.body.view(), &why);
    if (!document)
        return unreadable(ask, "bad_json", fmt::format("the reply is no proper JSON: {}", why));
    const Value root = document->root();
    if (!root.is(Kind::object)) return unreadable(ask, "bad_schema", "the reply is no JSON object");
    // An error member wins over a 200.
    if (!root.member("error").text().empty()) return read_error(reply, root, ask);
    return read_success(reply, root, ask);
}

Done read_refusal(const http::Reply& reply, const WebrootAsk& ask) {
    const Media media = media_of(reply);
    if (media == Media::html) return failed_by_html(reply, ask.spends_grant);
    const bool may_speak = reply.status >= 400 && reply.status < 500 &&
                           class_of_status(reply.status, ask.spends_grant) != FailureClass::retry;
    if (may_speak && reply.status != 407 && media == Media::json) {
        const auto document = JsonReply::parse(reply.body.view());
        if (document && document->root().is(Kind::object) &&
            !document->root().member("error").missing())
            return read_error(reply, document->root(), ask);
        if (document && reply.status == 400) return read_error(reply, document->root(), ask);
    }
    return failed_by_status(reply, ask.spends_grant);
}

}  // namespace

Done read_webroot_reply(const http::Reply& reply, const WebrootAsk& ask) {
    Done done =
        reply.status >= 200 && reply.status < 300 ? read_ok(reply, ask) : read_refusal(reply, ask);
    if (auto* f = std::get_if<Failed>(&done)) f->reason = ask.scrubber.clean(f->reason);
    return done;
}

}  // namespace tb::providers
