// The defaults of docs/providers/adding-a-provider.md. What must stay true: nothing of a reply's
// body or Location gets into a reason here, and no status alone makes a grant dead.
#include "providers/reply_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "providers/dates.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers {
namespace {

std::string_view before(std::string_view text, char end) {
    return text.substr(0, std::min(text.find(end), text.size()));
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    return text;
}

bool ends_with_json(std::string_view type) {
    constexpr std::string_view suffix = "+json";
    return type.size() > suffix.size() &&
           equal_ignoring_case(type.substr(type.size() - suffix.size()), suffix);
}

std::string_view what_to_do(int status) {
    switch (status) {
        case 401:
        case 403:
            return "; check the client's id, secret and rights";
        case 404:
        case 405:
        case 410:
            return "; check the address in the client section";
        case 407:
            return " from a proxy; check the proxy setting";
        default:
            return "";
    }
}

}  // namespace

Media media_of(const http::Reply& reply) {
    const std::string* coding = reply.header("content-encoding");
    if (coding != nullptr && !equal_ignoring_case(trimmed(*coding), "identity"))
        return Media::other;
    const std::string* header = reply.header("content-type");
    if (header == nullptr) return Media::json;
    const std::string_view type = trimmed(before(*header, ';'));
    if (type.empty() || equal_ignoring_case(type, "application/json") ||
        equal_ignoring_case(type, "text/plain") || ends_with_json(type))
        return Media::json;
    if (equal_ignoring_case(type, "text/html") ||
        equal_ignoring_case(type, "application/xhtml+xml"))
        return Media::html;
    return Media::other;
}

FailureClass class_of_status(int status, bool spends_grant) {
    switch (status) {
        case 408:
        case 425:
        case 429:
        case 500:
        case 503:
        case 511:
            return FailureClass::retry;
        case 501:
        case 505:
            return FailureClass::never;
        case 401:
        case 402:
        case 403:
        case 404:
        case 405:
        case 407:
        case 410:
            return FailureClass::config;
        default:
            break;
    }
    // 502, 504 and the gateways' own numbers (520-527): somebody in between lost the answer.
    if (status >= 500) return spends_grant ? FailureClass::ambiguous : FailureClass::retry;
    return FailureClass::never;
}

Failed failed(FailureClass failure, std::string code, std::string reason) {
    Failed out;
    out.failure = failure;
    out.code = std::move(code);
    out.reason = std::move(reason);
    out.counts_for_origin = failure == FailureClass::retry || failure == FailureClass::ambiguous;
    return out;
}

Failed failed_by_status(const http::Reply& reply, bool spends_grant) {
    if (reply.status >= 300 && reply.status < 400)
        return failed(FailureClass::never, "redirect",
                      fmt::format("HTTP {} to {}, which is not followed because secrets would go "
                                  "there; check the address in the client section",
                                  reply.status, location_host(reply)));
    Failed out =
        failed(class_of_status(reply.status, spends_grant), fmt::format("http_{}", reply.status),
               fmt::format("HTTP {}{}", reply.status, what_to_do(reply.status)));
    if (out.counts_for_origin) out.retry_after = retry_after_of(reply);
    return out;
}

Failed failed_by_html(const http::Reply& reply, bool spends_grant) {
    const bool success = reply.status >= 200 && reply.status < 300;
    FailureClass failure = FailureClass::retry;
    if (success && spends_grant) failure = FailureClass::ambiguous;
    if (reply.status == 407 || reply.status >= 500 || (reply.status >= 300 && reply.status < 400))
        return failed_by_status(reply, spends_grant);
    Failed out = failed(failure, "html",
                        fmt::format("HTTP {} with an HTML page instead of an answer (a gateway, a "
                                    "portal, or a wrong address)",
                                    reply.status));
    out.retry_after = retry_after_of(reply);
    return out;
}

Failed failed_by_transport(const http::Failure& failure, bool spends_grant) {
    FailureClass kind = failure.failure;
    if (kind == FailureClass::retry && failure.sent && spends_grant) kind = FailureClass::ambiguous;
    if (kind == FailureClass::ambiguous && !spends_grant) kind = FailureClass::retry;
    Failed out = failed(kind, failure.code, failure.reason);
    if (failure.code == "shutdown") out.counts_for_origin = false;  // that was us
    return out;
}

std::string location_host(const http::Reply& reply) {
    const std::string* location = reply.header("location");
    constexpr std::string_view unreadable = "an unreadable address";
    if (location == nullptr) return "no address";
    std::string_view text = *location;
    const std::size_t start = text.find("//");
    if (start != std::string_view::npos &&
        (start == 0 || text.substr(0, start).find_first_of("/?#") == std::string_view::npos)) {
        text.remove_prefix(start + 2);
    } else {
        return "another path of the same host";
    }
    text = before(before(before(text, '/'), '?'), '#');
    if (const std::size_t at = text.rfind('@'); at != std::string_view::npos)
        text.remove_prefix(at + 1);
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
    });
    constexpr std::size_t host_bytes_max = 260;
    if (text.empty() || text.size() > host_bytes_max || !plain) return std::string(unreadable);
    return std::string(text);
}

}  // namespace tb::providers
