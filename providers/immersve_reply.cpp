// Order: status, media type, JSON, codes, schema. What must stay true: a grant is dead only by a
// parsed refusal that Immersve wrote itself; a success that can't be read leaves the outcome
// unknown, for the refresh token may be spent; a successor that was read is never dropped, and
// where there is none the old one is kept and marked.
#include "providers/immersve_reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "providers/dates.hpp"
#include "providers/json_reply.hpp"
#include "providers/jwt_claims.hpp"
#include "providers/reply_rules.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers {
namespace {

using Kind = JsonReply::Kind;
using Value = JsonReply::Value;

// Each answer may have used up the refresh token.
constexpr bool spends_grant = true;

Failed unreadable(std::string code, std::string reason) {
    Failed out = failed(FailureClass::ambiguous, std::move(code), std::move(reason));
    out.counts_for_origin = false;  // the origin answers; what it says is the trouble
    return out;
}

struct Meaning {
    std::string_view name;
    FailureClass failure;
    std::string_view code;
    std::string_view advice;
};

// Documented for errorCode; the reference's own example has the word in `reason`.
const Meaning* meaning_of(std::string_view name) {
    static constexpr std::array<Meaning, 3> known = {{
        {"REFRESH_TOKEN_EXPIRED", FailureClass::reauth, "refresh_token_expired",
         "the refresh token has expired"},
        {"CLIENT_APPLICATION_MISMATCH", FailureClass::config, "client_application_mismatch",
         "the refresh token belongs to another application; check client_id"},
        {"ORIGIN_NOT_ALLOWED", FailureClass::config, "origin_not_allowed",
         "the origin is not registered for this application; check origin"},
    }};
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const Meaning& m) { return m.name == name; });
    return found == known.end() ? nullptr : &*found;
}

// Its own words, besides the code.
std::string words_of(const Value& root, const ImmersveAsk& ask) {
    std::string words = ask.scrubber.clean(root.member("reason").text());
    const auto errors = root.member("errors").items();
    const std::string first =
        errors.empty() ? "" : ask.scrubber.clean(errors.front().member("message").text());
    if (!first.empty()) words += (words.empty() ? "" : ": ") + first;
    return words.empty() ? "" : fmt::format(": \"{}\"", words);
}

// Written by Immersve, not by a gateway in front of it.
bool is_own_error(const Value& root, int status) {
    const Value code = root.member("statusCode");
    return !root.member("errorCode").text().empty() ||
           (code.is(Kind::number) && code.number() == static_cast<double>(status));
}

// A 403 whose code says nothing of what is wrong.
Failed refused_somehow(const std::string& said, const ImmersveAsk& ask) {
    if (ask.outcome_unknown)
        return failed(FailureClass::reauth, "forbidden",
                      said +
                          "; after an answer that was lost this means that the refresh token "
                          "had been used up");
    if (ask.grant.find(immersve_probably_spent) != nullptr)
        return failed(FailureClass::reauth, "forbidden",
                      said +
                          "; the reply before brought no new refresh token, and this one is "
                          "used up");
    return failed(FailureClass::config, "forbidden",
                  said + "; check client_id and origin. The refresh token is kept");
}

Failed read_error(const http::Reply& reply, const Value& root, const ImmersveAsk& ask) {
    const std::string_view error_code = root.member("errorCode").text();
    const std::string words = words_of(root, ask);
    const Meaning* meaning = meaning_of(error_code);
    if (meaning == nullptr) meaning = meaning_of(root.member("reason").text());
    if (meaning != nullptr)
        return failed(meaning->failure, std::string(meaning->code),
                      fmt::format("HTTP {} {} ({})", reply.status, meaning->name, meaning->advice));
    const std::string name = ask.scrubber.clean(error_code);
    const std::string said =
        fmt::format("HTTP {}{}{}{}", reply.status, name.empty() ? "" : " ", name, words);
    switch (reply.status) {
        case 400:
            return failed(
                FailureClass::never,
                error_code == "INVALID_REQUEST_INPUT" ? "invalid_request_input" : "http_400",
                said + "; the request was refused as malformed");
        case 401:
            return failed(FailureClass::reauth, "unauthorized",
                          said + "; the refresh token is not accepted");
        case 403:
            return refused_somehow(said, ask);
        default:
            break;
    }
    Failed out = failed_by_status(reply, spends_grant);
    out.reason += words;
    return out;
}

// How long a token lives by its own claims, which nobody checks: we are the bearer.
Millis life_of(std::string_view what, std::string_view token, const http::Reply& reply,
               Millis otherwise, std::vector<std::string>& warnings) {
    const auto claims = read_jwt_claims(token);
    const auto lifetime = claims ? lifetime_of(*claims, date_of(reply)) : std::nullopt;
    if (!lifetime) {
        const std::string_view why = !claims             ? "is no JWT that can be read"
                                     : claims->malformed ? "has an exp that is no number of seconds"
                                                         : "has no exp";
        warnings.push_back(
            fmt::format("the {} {}; taken to live {} s", what, why, otherwise.count() / 1'000));
        return otherwise;
    }
    if (claims->malformed)
        warnings.push_back(fmt::format(
            "the {} has an iat that is no number of seconds; its life counts from the reply's Date",
            what));
    if (*lifetime == Millis{0})
        warnings.push_back(fmt::format("the {} is expired by its own claims", what));
    return *lifetime;
}

// The reply's refresh token, if it can be sent. The same one again is as good as a new one: then
// Immersve says that it is in force.
std::string_view next_refresh_token(const Value& root) {
    const Value token = root.member("refreshToken");
    return token.is(Kind::string) && good_refresh_token(token.text()) ? token.text()
                                                                      : std::string_view();
}

SecretSet grant_of(std::string_view refresh_token) {
    SecretSet set;
    set.set("refresh_token", Secret(refresh_token));
    return set;
}

void read_grant(const http::Reply& reply, const Value& root, const ImmersveAsk& ask, Minted& into) {
    const std::string_view next = next_refresh_token(root);
    const bool marked = ask.grant.find(immersve_probably_spent) != nullptr;
    if (next.empty()) {
        into.warnings.push_back(fmt::format(
            "the reply has {} refresh token; the old one is kept, but it is probably spent: the "
            "next renewal may need a new login",
            root.member("refreshToken").missing() || root.member("refreshToken").text().empty()
                ? "no"
                : "no usable"));
        if (marked) return;
        into.new_grant = ask.grant.copy();
        into.new_grant->set(immersve_probably_spent, Secret("yes"));
        return;
    }
    const Secret* sent = ask.grant.find("refresh_token");
    const bool same = sent != nullptr && sent->view() == next;
    if (!same || marked) into.new_grant = grant_of(next);
    // Of one that is the same, the life began earlier.
    if (!same)
        into.grant_lifetime =
            life_of("refresh token", next, reply, immersve_refresh_lifetime, into.warnings);
}

Done read_success(const http::Reply& reply, const Value& root, const ImmersveAsk& ask) {
    const Value access = root.member("accessToken");
    if (!access.is(Kind::string) || !good_access_token(access.text())) {
        const bool there = access.is(Kind::string) && !access.text().empty();
        Failed fault =
            there ? unreadable("bad_charset",
                               "the access token holds bytes that no header can carry, or too many")
                  : unreadable("bad_schema", "the reply has no usable accessToken member");
        const std::string_view next = next_refresh_token(root);
        const Secret* sent = ask.grant.find("refresh_token");
        if (!next.empty() && (sent == nullptr || sent->view() != next))
            fault.new_grant = grant_of(next);
        return fault;
    }
    Minted minted;
    minted.access_token = Secret(access.text());
    minted.sent_at = reply.sent_at;
    minted.lifetime =
        life_of("access token", access.text(), reply, immersve_access_lifetime, minted.warnings);
    read_grant(reply, root, ask, minted);
    return minted;
}

Done read_ok(const http::Reply& reply, const ImmersveAsk& ask) {
    if (reply.status == 204 || reply.body.empty())
        return unreadable("empty_reply", fmt::format("HTTP {} without a body", reply.status));
    const Media media = media_of(reply);
    if (media == Media::html) return failed_by_html(reply, spends_grant);
    if (media == Media::other)
        return unreadable("bad_media_type",
                          fmt::format("HTTP {} with a body that is not JSON", reply.status));
    std::string why;
    const auto document = JsonReply::parse(reply.body.view(), &why);
    if (!document)
        return unreadable("bad_json", fmt::format("the reply is no proper JSON: {}", why));
    if (!document->root().is(Kind::object))
        return unreadable("bad_schema", "the reply is no JSON object");
    return read_success(reply, document->root(), ask);
}

Failed by_status(const http::Reply& reply) {
    Failed out = failed_by_status(reply, spends_grant);
    // Whatever failed inside may have happened after the refresh token was taken. 511 comes from a
    // network that did not let us through.
    if (reply.status >= 500 && reply.status != 511 && out.failure == FailureClass::retry)
        out.failure = FailureClass::ambiguous;
    if (reply.status == 401 || reply.status == 403)
        out.reason = fmt::format(
            "HTTP {} without an error code of Immersve (a gateway?); check base_url, client_id and "
            "origin",
            reply.status);
    return out;
}

Done read_refusal(const http::Reply& reply, const ImmersveAsk& ask) {
    const Media media = media_of(reply);
    if (media == Media::html && reply.status < 500) return failed_by_html(reply, spends_grant);
    const bool may_speak = reply.status >= 400 && reply.status < 500 && reply.status != 407 &&
                           class_of_status(reply.status, spends_grant) != FailureClass::retry;
    if (may_speak && media == Media::json) {
        const auto document = JsonReply::parse(reply.body.view());
        if (document && is_own_error(document->root(), reply.status))
            return read_error(reply, document->root(), ask);
    }
    return by_status(reply);
}

}  // namespace

Done read_immersve_reply(const http::Reply& reply, const ImmersveAsk& ask) {
    Done done =
        reply.status >= 200 && reply.status < 300 ? read_ok(reply, ask) : read_refusal(reply, ask);
    if (auto* f = std::get_if<Failed>(&done)) f->reason = ask.scrubber.clean(f->reason);
    return done;
}

}  // namespace tb::providers
