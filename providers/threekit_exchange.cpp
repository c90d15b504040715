// The probe of a Threekit token, and its cleaning at import. No endpoint that tells about a token
// is known: a search of the catalogue for a random name is answered with 200 if it is good.
#include <fmt/format.h>

#include <algorithm>

#include "providers/encoding.hpp"
#include "providers/reply_rules.hpp"
#include "providers/scrub.hpp"
#include "providers/threekit_client.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::threekit {
namespace {

constexpr Millis probe_timeout{15'000};

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    while (!text.empty() && blanks.find(text.front()) != std::string_view::npos)
        text.remove_prefix(1);
    while (!text.empty() && blanks.find(text.back()) != std::string_view::npos)
        text.remove_suffix(1);
    return text;
}

class ThreekitExchange final : public Exchange {
  public:
    explicit ThreekitExchange(Context context) : context_(std::move(context)) {
        scrubber_.add(context_.grant);
    }

    Step start() override {
        const Secret* token = context_.grant.find("token");
        if (token == nullptr || token->empty())
            return Done(failed(FailureClass::reauth, "no_grant", "there is no token"));
        if (context_.purpose == Purpose::renew)
            return Done(minted_from(context_.client, *token, context_.clock.now()));
        if (context_.purpose == Purpose::probe) return send_probe(*token);
        return Done(failed(FailureClass::never, "unsupported",
                           "Threekit tokens are deleted in its web pages, not by a request"));
    }

    Step resume(http::Outcome outcome) override {
        Done done;
        if (const auto* failure = std::get_if<http::Failure>(&outcome)) {
            done = failed_by_transport(*failure, false);
        } else {
            done = read(std::get<http::Reply>(outcome));
        }
        if (auto* f = std::get_if<Failed>(&done)) f->reason = scrubber_.clean(f->reason);
        return done;
    }

  private:
    Step send_probe(const Secret& token) {
        const auto base = base_of(context_.client);
        if (!base)
            return Done(
                failed(FailureClass::config, "bad_base_url", "base_url " + base.error().message));
        Send send;
        http::Request& request = send.request;
        request.method = "GET";
        request.origin = base->origin;
        request.timeout = probe_timeout;
        request.target = Secret(base->prefix + "/api/catalog/products?");
        if (is_public(context_.client)) {
            const auto* written = context_.client.get<std::string>("origin");
            const auto origin = normalize_origin(written == nullptr ? "" : *written);
            if (!origin)
                return Done(
                    failed(FailureClass::config, "bad_origin", "origin " + origin.error().message));
            request.target.append("bearer_token=");
            append_query(request.target, token.view());
            request.target.append("&");
            request.headers.push_back({"Origin", Secret(*origin)});
        } else {
            Secret bearer("Bearer ");
            bearer.append(token.view());
            request.headers.push_back({"Authorization", std::move(bearer)});
        }
        request.target.append(fmt::format("name={:016x}", context_.random.u64()));
        request.headers.push_back({"Accept", Secret("application/json")});
        request.headers.push_back({"Accept-Encoding", Secret("identity")});
        return send;
    }

    Done read(const http::Reply& reply) const {
        // A page is never Threekit's own word: a gateway's, a portal's.
        if (media_of(reply) == Media::html && reply.status < 500)
            return failed_by_html(reply, false);
        switch (reply.status) {
            case 200:
                return Probed{};
            case 401:
                return failed(FailureClass::config, "rejected",
                              "Threekit refused the token (HTTP 401); was it deleted? Make a new "
                              "one and replace it");
            case 403:
                return failed(FailureClass::config, "forbidden",
                              is_public(context_.client)
                                  ? "Threekit refused the token for this domain (HTTP 403); check "
                                    "the domains and the service account's rights"
                                  : "Threekit refused the token (HTTP 403): its user lacks the "
                                    "rights to read the catalogue");
            default:
                break;
        }
        if (reply.status >= 200 && reply.status < 300)
            return failed(FailureClass::retry, fmt::format("http_{}", reply.status),
                          fmt::format("HTTP {} says nothing about the token", reply.status));
        return failed_by_status(reply, false);
    }

    Context context_;
    Scrubber scrubber_;
};

}  // namespace

bool is_public(const ClientSettings& client) {
    const auto* kind = client.get<std::string>("kind");
    return kind != nullptr && *kind == "public";
}

Result<BaseUrl> base_of(const ClientSettings& client) {
    const auto* environment = client.get<std::string>("environment");
    if (client.base_url.empty() && environment != nullptr)
        return parse_base_url("https://" + *environment + ".threekit.com", false);
    return parse_base_url(client.base_url, client.allow_loopback_http);
}

std::vector<std::string> domains_of(const ClientSettings& client) {
    const auto* domains = client.get<std::vector<std::string>>("domains");
    return domains == nullptr ? std::vector<std::string>() : *domains;
}

bool listed(const ClientSettings& client, std::string_view origin) {
    const std::vector<std::string> domains = domains_of(client);
    return std::any_of(domains.begin(), domains.end(),
                       [&](const std::string& domain) { return domain_matches(domain, origin); });
}

Result<Secret> clean_token(std::string_view pasted, std::vector<std::string>& notices) {
    const auto refuse = [](std::string text) {
        return Error{errc::invalid_parameter, std::move(text)};
    };
    std::string_view token = trimmed(pasted);
    constexpr std::string_view bearer = "bearer ";
    bool prefixed = false;
    bool quoted = false;
    for (std::size_t before = 0; before != token.size();) {  // until nothing more comes off
        before = token.size();
        if (token.size() >= bearer.size() &&
            equal_ignoring_case(token.substr(0, bearer.size()), bearer)) {
            token = trimmed(token.substr(bearer.size()));
            prefixed = true;
        }
        if (token.size() >= 2 && (token.front() == '"' || token.front() == '\'') &&
            token.front() == token.back()) {
            token = trimmed(token.substr(1, token.size() - 2));
            quoted = true;
        }
    }
    if (prefixed) notices.emplace_back("removed a leading \"Bearer \"");
    if (quoted) notices.emplace_back("removed quotes around the token");
    if (token.empty() || equal_ignoring_case(token, "bearer")) return refuse("the token is empty");
    if (token.find_first_of("\r\n") != std::string_view::npos)
        return refuse("there is more than one line; give exactly one token");
    if (!good_access_token(token))
        return refuse(
            "the token holds a space, a control character or a letter beyond ASCII (a "
            "no-break space from a web page?), or is too long; copy it again");
    if (!is_uuid(token))
        notices.emplace_back(
            "this does not look like a Threekit token id (8-4-4-4-12 hex digits); "
            "taken as it is");
    return Secret(token);
}

Minted minted_from(const ClientSettings& client, const Secret& token, BootTime now) {
    Minted minted;
    minted.access_token = token.copy();
    minted.sent_at = now;
    if (is_public(client)) minted.query_name = "bearer_token";
    minted.attributes.emplace_back("kind", is_public(client) ? "public" : "private");
    if (const auto* org = client.get<std::string>("org_id"))
        minted.attributes.emplace_back("org_id", *org);
    return minted;
}

std::unique_ptr<Exchange> begin_exchange(Context context) {
    return std::make_unique<ThreekitExchange>(std::move(context));
}

}  // namespace tb::providers::threekit
