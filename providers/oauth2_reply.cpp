// Order: status, media type, JSON, error member, schema. What must stay true: only a parsed code
// below 500 makes a grant dead; a success that can't be read leaves the outcome unknown where the
// refresh token may be spent; a successor that was read is never dropped.
#include "providers/oauth2_reply.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "providers/json_pointer.hpp"
#include "providers/oauth2_errors.hpp"
#include "providers/oauth2_lifetime.hpp"
#include "providers/reply_rules.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

using Kind = JsonReply::Kind;
using Value = JsonReply::Value;

bool is_success(int status) {
    return status >= 200 && status < 300;
}

Failed unreadable(const Ask& ask, std::string code, std::string reason) {
    Failed out = failed(ask.spends_grant() ? FailureClass::ambiguous : FailureClass::never,
                        std::move(code), std::move(reason));
    out.counts_for_origin = false;  // the origin answers; what it says is the trouble
    return out;
}

Failed refused(const http::Reply& reply, const Value& root, const Ask& ask) {
    Failed out = read_error(reply, root, ask.setup, ask.scrubber);
    // Nobody can log in to an application's own grant.
    if (ask.asked == Asked::client_credentials && out.failure == FailureClass::reauth)
        out.failure = FailureClass::config;
    return out;
}

// The whole new set if the reply brings another refresh token than the one that was sent.
std::optional<SecretSet> successor(const Value& root, const Ask& ask) {
    if (ask.asked == Asked::client_credentials) return std::nullopt;
    const Value token = at_pointer(root, ask.setup.fields.refresh);
    if (!token.is(Kind::string) || !good_refresh_token(token.text())) return std::nullopt;
    const Secret* sent = ask.grant.find("refresh_token");
    if (sent != nullptr && sent->view() == token.text()) return std::nullopt;
    SecretSet set = ask.grant.copy();
    set.set("refresh_token", Secret(token.text()));
    return set;
}

std::optional<Failed> token_fault(const Value& root, const Ask& ask) {
    const Fields& fields = ask.setup.fields;
    const Value access = at_pointer(root, fields.access);
    if (!access.is(Kind::string) || access.text().empty())
        return unreadable(ask, "bad_schema", "the reply has no usable access_token member");
    if (!good_access_token(access.text()))
        return unreadable(ask, "bad_charset",
                          "the access token holds bytes that no header can carry, or too many");
    if (ask.asked != Asked::client_credentials) {
        const Value refresh = at_pointer(root, fields.refresh);
        if (!refresh.missing() && !refresh.is(Kind::string))
            return unreadable(ask, "bad_schema", "the reply's refresh_token is no string");
        if (!refresh.text().empty() && !good_refresh_token(refresh.text()))
            return unreadable(ask, "bad_charset",
                              "the refresh token holds bytes that can't be sent");
    }
    const Value type = at_pointer(root, fields.token_type);
    if (!type.missing() && !(type.is(Kind::string) && equal_ignoring_case(type.text(), "bearer")))
        return failed(FailureClass::never, "bad_token_type",
                      "the token is of another type than bearer; this version can't hand it out");
    return std::nullopt;
}

bool among(const std::string& wanted, const std::vector<std::string>& granted, const Setup& setup) {
    return std::any_of(granted.begin(), granted.end(), [&](const std::string& one) {
        return setup.scopes_ignore_case ? equal_ignoring_case(one, wanted) : one == wanted;
    });
}

// A Failed where a scope is missing that the operator can't do without.
std::optional<Failed> read_scopes(const Value& root, const Ask& ask, Minted& into) {
    const Value scope = at_pointer(root, ask.setup.fields.scope);
    into.scopes = ask.setup.scopes;  // absent: as requested (RFC 6749 section 5.1)
    auto granted = parse_scopes(scope);
    if (scope.missing() || !granted) {
        if (!scope.missing())
            into.warnings.emplace_back("the reply's scope has no known form; taken as requested");
        granted = ask.setup.scopes;
    } else {
        into.scopes.clear();
        for (const std::string& one : *granted)
            into.scopes.push_back(ask.scrubber.clean(one));
        for (const std::string& wanted : ask.setup.scopes)
            if (!among(wanted, *granted, ask.setup))
                into.warnings.push_back(fmt::format("scope {} was not granted", wanted));
    }
    for (const std::string& wanted : ask.setup.require_scopes)
        if (!among(wanted, *granted, ask.setup))
            return failed(FailureClass::config, "missing_scope",
                          fmt::format("scope {} of require_scopes was not granted; check scopes "
                                      "and what the person consented to",
                                      wanted));
    return std::nullopt;
}

void warn_of_rotation(const Value& root, const Ask& ask, Minted& minted) {
    if (ask.asked != Asked::refresh) return;
    const bool none = at_pointer(root, ask.setup.fields.refresh).text().empty();
    if (ask.setup.rotation == Rotation::single_use && none)
        minted.warnings.emplace_back("the reply has no refresh_token; the old one is kept");
    if (ask.setup.rotation == Rotation::never && minted.new_grant)
        minted.warnings.emplace_back(
            "the reply has a new refresh_token, though rotation = \"never\"; it is kept; set "
            "rotation = \"auto\"");
}

Done judge_success(const http::Reply& reply, const Value& root, const Ask& ask) {
    if (auto fault = token_fault(root, ask)) return std::move(*fault);
    const Lifetime lifetime = read_lifetime(reply, root, ask.setup);
    if (!lifetime.fault.empty())
        return failed(FailureClass::never, std::string(lifetime.fault),
                      lifetime.fault == "bad_expires_in"
                          ? "expires_in is no number of seconds from 0 on"
                          : "expires_at is no point in time");
    Minted minted;
    minted.access_token = Secret(at_pointer(root, ask.setup.fields.access).text());
    minted.sent_at = reply.sent_at;
    minted.lifetime = lifetime.known;
    if (!lifetime.warning.empty()) minted.warnings.push_back(lifetime.warning);
    if (at_pointer(root, ask.setup.fields.token_type).missing())
        minted.warnings.emplace_back("the reply has no token_type; taken as bearer");
    minted.new_grant = successor(root, ask);
    if (minted.new_grant) minted.grant_lifetime = grant_lifetime(root, ask.setup);
    warn_of_rotation(root, ask, minted);
    if (auto fault = read_scopes(root, ask, minted)) return std::move(*fault);
    if (ask.asked == Asked::login && !minted.new_grant)
        return failed(FailureClass::config, "no_refresh_token",
                      "the login brought no refresh token, so nothing could be renewed; ask for "
                      "offline access (scope offline_access, or access_type=offline in "
                      "auth_params), and check the application's grant types");
    return minted;
}

Done read_object(const http::Reply& reply, const Value& root, const Ask& ask) {
    // An error member wins over a 200.
    if (has_error(root, ask.setup)) return refused(reply, root, ask);
    const auto& expected = ask.setup.success_statuses;
    if (std::find(expected.begin(), expected.end(), reply.status) == expected.end())
        return unreadable(ask, fmt::format("http_{}", reply.status),
                          fmt::format("HTTP {} is no success here; if it should be, write it into "
                                      "success_statuses",
                                      reply.status));
    return judge_success(reply, root, ask);
}

Done read_ok(const http::Reply& reply, const Ask& ask) {
    const Media media = media_of(reply);
    if (reply.status == 204 || reply.body.empty())
        return unreadable(ask, "empty_reply", fmt::format("HTTP {} without a body", reply.status));
    if (media == Media::html) return failed_by_html(reply, ask.spends_grant());
    if (media == Media::other)
        return unreadable(ask, "bad_media_type",
                          fmt::format("HTTP {} with a body that is not JSON", reply.status));
    std::string why;
    const auto document = JsonReply::parse(reply.body.view(), &why);
    if (!document)
        return unreadable(ask, "bad_json", fmt::format("the reply is no proper JSON: {}", why));
    const Value root = document->root();
    if (!root.is(Kind::object)) return unreadable(ask, "bad_schema", "the reply is no JSON object");
    Done done = read_object(reply, root, ask);
    if (auto* fault = std::get_if<Failed>(&done)) fault->new_grant = successor(root, ask);
    return done;
}

Done read_refusal(const http::Reply& reply, const Ask& ask) {
    const bool spends = ask.spends_grant();
    const Media media = media_of(reply);
    if (media == Media::html) return failed_by_html(reply, spends);
    const bool may_speak = reply.status >= 400 && reply.status < 500 &&
                           class_of_status(reply.status, spends) != FailureClass::retry;
    if (may_speak && reply.status != 407 && media == Media::json) {
        const auto document = JsonReply::parse(reply.body.view());
        if (document && (reply.status == 400 || has_error(document->root(), ask.setup)))
            return refused(reply, document->root(), ask);
    }
    return failed_by_status(reply, spends);
}

Done cleaned(Done done, const Ask& ask) {
    if (auto* f = std::get_if<Failed>(&done)) f->reason = ask.scrubber.clean(f->reason);
    return done;
}

}  // namespace

Done read_token_reply(const http::Reply& reply, const Ask& ask) {
    return cleaned(is_success(reply.status) ? read_ok(reply, ask) : read_refusal(reply, ask), ask);
}

Done read_revocation_reply(const http::Reply& reply, const Ask& ask) {
    if (is_success(reply.status)) {
        if (media_of(reply) == Media::html) return cleaned(failed_by_html(reply, false), ask);
        const auto document = media_of(reply) == Media::json ? JsonReply::parse(reply.body.view())
                                                             : std::optional<JsonReply>();
        if (document && has_error(document->root(), ask.setup))
            return cleaned(refused(reply, document->root(), ask), ask);
        return Revoked{};
    }
    return cleaned(read_refusal(reply, ask), ask);
}

}  // namespace tb::providers::oauth2
