// One renewal at Immersve. What must stay true: the refresh token is the only credential and
// travels in the body alone, without an Authorization header; Origin is sent exactly once, in its
// serialised form; every request is taken to spend the refresh token.
#include "base/limits.hpp"
#include "providers/encoding.hpp"
#include "providers/immersve_client.hpp"
#include "providers/immersve_reply.hpp"
#include "providers/reply_rules.hpp"

namespace tb::providers::immersve {
namespace {

class ImmersveExchange final : public Exchange {
  public:
    explicit ImmersveExchange(Context context) : context_(std::move(context)) {
        // Not the mark in the grant: that is no secret, and an ordinary word.
        if (const Secret* token = context_.grant.find("refresh_token"))
            scrubber_.add(token->view());
    }

    Step start() override {
        if (context_.purpose != Purpose::renew)
            return Done(failed(FailureClass::never, "unsupported",
                               "immersve can't probe a token, and ends a session only by logout"));
        const Secret* refresh = context_.grant.find("refresh_token");
        if (refresh == nullptr || refresh->empty())
            return Done(failed(FailureClass::reauth, "no_grant", "there is no refresh token"));
        const auto base = base_of(context_.client);
        if (!base)
            return Done(
                failed(FailureClass::config, "bad_base_url", "base_url " + base.error().message));
        const auto origin = origin_of(context_.client);
        if (!origin)
            return Done(
                failed(FailureClass::config, "bad_origin", "origin " + origin.error().message));
        Send send;
        http::Request& request = send.request;
        request.method = "POST";
        request.origin = base->origin;
        request.target = Secret(base->prefix + "/auth/token");
        request.headers.push_back({"Origin", Secret(*origin)});
        request.headers.push_back({"Content-Type", Secret("application/json")});
        request.headers.push_back({"Accept", Secret("application/json")});
        request.headers.push_back({"Accept-Encoding", Secret("identity")});
        request.body.reserve(refresh->size() + context_.client.client_id.size() + 128);
        request.body.append(R"({"refreshToken":")");
        append_json(request.body, refresh->view());
        request.body.append(R"(","clientApplicationId":")");
        append_json(request.body, context_.client.client_id);
        request.body.append("\"}");
        request.spends_grant = true;
        request.timeout = limits::exchange_timeout_ms;
        return send;
    }

    Step resume(http::Outcome outcome) override {
        if (const auto* failure = std::get_if<http::Failure>(&outcome)) {
            Failed lost = failed_by_transport(*failure, true);
            lost.reason = scrubber_.clean(lost.reason);
            return Done(std::move(lost));
        }
        const ImmersveAsk ask{context_.grant, context_.outcome_unknown, scrubber_};
        return read_immersve_reply(std::get<http::Reply>(outcome), ask);
    }

  private:
    Context context_;
    Scrubber scrubber_;
};

}  // namespace

Result<BaseUrl> base_of(const ClientSettings& client) {
    return parse_base_url(client.base_url.empty() ? default_base_url : client.base_url,
                          client.allow_loopback_http);
}

Result<std::string> origin_of(const ClientSettings& client) {
    const auto* written = client.get<std::string>("origin");
    return normalize_origin(written == nullptr ? std::string_view() : *written);
}

std::unique_ptr<Exchange> begin_exchange(Context context) {
    return std::make_unique<ImmersveExchange>(std::move(context));
}

}  // namespace tb::providers::immersve
