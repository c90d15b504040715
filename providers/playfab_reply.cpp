// Order: status, media type, JSON, error members, token, entity, expiry. What must stay true: the
// number in the body is looked at in a 200 too; a token of another entity than the configured one
// is discarded, for it may be worth more than the callers of this account may have; only a parsed
// number makes a grant dead; nothing here is ambiguous, for repeating the call is harmless.
#include "providers/playfab_reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/limits.hpp"
#include "providers/dates.hpp"
#include "providers/json_reply.hpp"
#include "providers/reply_rules.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::playfab {
namespace {

using Kind = JsonReply::Kind;
using Value = JsonReply::Value;

// TokenExpiration is optional, and no page says how long a token lives without it: 24 h is what
// people report, so this is on the safe side.
constexpr Millis default_lifetime{3'600'000};
// PlayFab's list of errors that no retry mends; an operator of theirs must act.
constexpr Millis certificate_pause{15 * 60'000};
// A token that is dead on arrival, twice: a clock is wrong there or here.
constexpr Millis stale_pause{5 * 60'000};

std::optional<int> integer_of(const Value& value) {
    constexpr double most = 1e6;
    if (!value.is(Kind::number)) return std::nullopt;
    const double number = value.number();
    if (!(number >= 0 && number <= most) || number != std::floor(number)) return std::nullopt;
    return static_cast<int>(number);
}

// Seconds in the body, rounded up: asking a moment too early is asking too often.
Millis body_pause(const Value& value) {
    Millis pause = parse_expires_in(value).value_or(Millis{0});
    if (value.is(Kind::number) && value.number() != std::floor(value.number()))
        pause += Millis{1'000};
    return std::min(pause, limits::retry_after_max_ms);
}

Millis pause_of(const http::Reply& reply, const Value& root) {
    return std::max({retry_after_of(reply).value_or(Millis{0}),
                     body_pause(root.member("retryAfterSeconds")),
                     body_pause(root.member("retryAfter"))});
}

std::string advice_of(const KnownError& error, Credential sent) {
    if (error.fault != Fault::credential) return std::string(error.advice);
    return fmt::format("the {} is refused: {}", words_of(sent), error.advice);
}

Answer read_error(const http::Reply& reply, const Value& root, int status, const Ask& ask) {
    const std::optional<int> number = integer_of(root.member("errorCode"));
    const KnownError* error = number ? known_error(*number) : nullptr;
    std::string said = ask.scrubber.clean(root.member("errorMessage").text());
    if (!said.empty()) said = fmt::format(": \"{}\"", said);
    Answer answer;
    Failed out;
    if (error != nullptr) {
        answer.credential_refused = error->fault == Fault::credential;
        answer.revoked = error->code == "entity_token_revoked";
        out = failed(class_of(error->fault, ask.sent), std::string(error->code),
                     fmt::format("PlayFab error {} (HTTP {}): {}{}", *number, status,
                                 advice_of(*error, ask.sent), said));
    } else {
        const std::string name = ask.scrubber.clean(root.member("error").text());
        out = failed(class_of_unknown(status), "unknown_error",
                     fmt::format("HTTP {} with PlayFab error {}{}{}{}", status,
                                 number ? fmt::format("{}", *number) : "without a number",
                                 name.empty() ? "" : " ", name, said));
    }
    if (out.failure == FailureClass::retry) {
        Millis pause = pause_of(reply, root);
        if (error != nullptr && error->fault == Fault::certificate)
            pause = std::max(pause, certificate_pause);
        if (pause > Millis{0}) out.retry_after = pause;
    }
    answer.done = std::move(out);
    return answer;
}

// From the request on: TokenExpiration counts from the reply's own Date, whatever our clock says.
Millis read_lifetime(const http::Reply& reply, const Value& expiration, Minted& into) {
    if (expiration.missing()) return default_lifetime;
    const auto at = parse_iso8601(expiration.text());
    if (!at) {
        into.warnings.emplace_back(
            "TokenExpiration is no time that can be read; the token counts for 1 h");
        return default_lifetime;
    }
    if (at->no_zone) into.warnings.emplace_back("TokenExpiration has no zone; taken as UTC");
    return std::min(at->at - date_of(reply), limits::lifetime_max_ms);
}

// What is handed out beside the token; anything odd stays out.
void add_entity(const Value& entity, Minted& into) {
    constexpr std::size_t bytes_max = 128;
    for (const auto& [name, member] :
         {std::pair{"entity_id", "Id"}, std::pair{"entity_type", "Type"}}) {
        const std::string_view text = entity.member(member).text();
        if (good_scope(text) && text.size() <= bytes_max)
            into.attributes.emplace_back(name, std::string(text));
    }
}

std::optional<Failed> wrong_entity(const Value& returned, const Ask& ask) {
    if (!ask.entity) return std::nullopt;
    const std::string_view id = returned.member("Id").text();
    const std::string_view type = returned.member("Type").text();
    if (equal_ignoring_case(id, ask.entity->id) && type == ask.entity->type) return std::nullopt;
    const auto shown = [&](std::string_view text) {
        constexpr std::size_t bytes_max = 64;  // more is no id, and perhaps a token
        return good_scope(text) && text.size() <= bytes_max ? ask.scrubber.clean(text)
                                                            : std::string("(unreadable)");
    };
    return failed(FailureClass::never, "wrong_entity",
                  fmt::format("the token is of entity {} of type {}, not of the configured {} of "
                              "type {}; it was discarded",
                              shown(id), shown(type), ask.entity->id, ask.entity->type));
}

Answer read_success(const http::Reply& reply, const Value& data, const Ask& ask) {
    const Value token = data.member("EntityToken");
    if (!token.is(Kind::string) || token.text().empty())
        return {failed(FailureClass::never, "bad_schema", "the reply has no usable EntityToken")};
    if (!good_access_token(token.text()))
        return {failed(FailureClass::never, "bad_charset",
                       "the entity token holds bytes that no header can carry, or too many")};
    if (auto wrong = wrong_entity(data.member("Entity"), ask)) return {std::move(*wrong)};
    Minted minted;
    minted.access_token = Secret(token.text());
    minted.header_name = header_of(Credential::entity_token);
    minted.header_prefix.clear();
    minted.sent_at = reply.sent_at;
    minted.lifetime = read_lifetime(reply, data.member("TokenExpiration"), minted);
    add_entity(data.member("Entity"), minted);
    if (*minted.lifetime > Millis{0}) return {std::move(minted)};
    Answer stale;
    Failed out = failed(FailureClass::retry, "expired_token",
                        "the new token had already expired by the clock of its own reply (or by "
                        "this host's, where the reply has no Date); check the clocks");
    out.counts_for_origin = false;  // it answers
    out.retry_after = stale_pause;
    stale.done = std::move(out);
    stale.stale = true;
    return stale;
}

Answer read_json(const http::Reply& reply, const Value& root, const Ask& ask) {
    const bool success = reply.status >= 200 && reply.status < 300;
    const Value code = root.member("code");
    const std::optional<int> said = integer_of(code);
    if (!success) return read_error(reply, root, reply.status, ask);
    if (!root.is(Kind::object) || (!code.missing() && !said))
        return {failed(FailureClass::never, "bad_schema",
                       "the reply is no JSON object with a number as its code")};
    // Errors come as 200 too, with the truth in the body.
    if (said && *said != 200) return read_error(reply, root, *said, ask);
    const Value number = root.member("errorCode");
    const bool no_error = number.missing() || integer_of(number) == 0;
    if (!no_error || !root.member("error").missing())
        return read_error(reply, root, reply.status, ask);
    return read_success(reply, root.member("data"), ask);
}

// Not from PlayFab: a gateway's page, or half an answer. As a 503, which is what its SDKs do.
Failed not_json(const http::Reply& reply) {
    if (reply.status >= 500) return failed_by_status(reply, false);
    if (media_of(reply) == Media::html) return failed_by_html(reply, false);
    Failed out = failed(FailureClass::retry, "not_json",
                        fmt::format("HTTP {} with a body that is no JSON (a gateway, or a wrong "
                                    "base_url)",
                                    reply.status));
    out.retry_after = retry_after_of(reply);
    return out;
}

}  // namespace

Answer read_reply(const http::Reply& reply, const Ask& ask) {
    Answer answer;
    std::optional<JsonReply> document;
    if (media_of(reply) == Media::json) document = JsonReply::parse(reply.body.view());
    if ((reply.status >= 300 && reply.status < 400) || reply.status == 407)
        answer.done = failed_by_status(reply, false);
    else if (!document)
        answer.done = not_json(reply);
    else
        answer = read_json(reply, document->root(), ask);
    if (auto* f = std::get_if<Failed>(&answer.done)) f->reason = ask.scrubber.clean(f->reason);
    return answer;
}

}  // namespace tb::providers::playfab
