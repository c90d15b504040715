// One token for one user, minted now: at most two requests within one deadline. The second one is
// for a token that came too late to be worth handing out, or for a failure that may be gone at
// once. What must stay true: no second try once the deadline has passed or when the provider asked
// to wait (an exchange can't); nothing is sent with a key that no header can carry.
#include <fmt/format.h>

#include "providers/encoding.hpp"
#include "providers/readyplayerme_client.hpp"
#include "providers/readyplayerme_reply.hpp"
#include "providers/reply_rules.hpp"
#include "providers/settings_check.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::readyplayerme {
namespace {

constexpr int tries_max = 2;

// Temporary, and nobody asked to wait: 429 and a gateway's page would only be the same again.
bool may_be_gone_at_once(const Failed& failed) {
    return failed.failure == FailureClass::retry &&
           failed.retry_after.value_or(Millis{0}) == Millis{0} && failed.code != "http_429" &&
           failed.code != "html" && failed.code != "shutdown";
}

class ReadyPlayerMeExchange final : public Exchange {
  public:
    explicit ReadyPlayerMeExchange(Context context) : context_(std::move(context)) {
        scrubber_.add(context_.client_secrets);
    }

    Step start() override {
        if (context_.purpose != Purpose::renew)
            return Done(failed(FailureClass::never, "unsupported",
                               "Ready Player Me can't probe or revoke a token"));
        if (auto missing = key_fault()) return Done(std::move(*missing));
        const std::string* user = context_.parameters.find("user_id");
        if (user == nullptr || user->empty()) {
            Failed nobody = failed(FailureClass::config, "no_user_id",
                                   "a token is minted for one user: ask for it with the parameter "
                                   "user_id; the account has none of its own");
            nobody.scope = Failed::Scope::parameters;
            return Done(std::move(nobody));
        }
        deadline_ = context_.clock.now() + deadline_of(context_.client);
        return mint();
    }

    Step resume(http::Outcome outcome) override {
        Done done = judge(outcome);
        const auto* failed = std::get_if<Failed>(&done);
        const bool worth_it =
            failed != nullptr && (failed->code == too_old || may_be_gone_at_once(*failed));
        if (worth_it && tries_ < tries_max && context_.clock.now() < deadline_) return mint();
        return done;
    }

  private:
    static constexpr std::string_view too_old = "token_too_old";

    std::optional<Failed> key_fault() const {
        const std::string& client = context_.client.name;
        const std::string what_to_do =
            fmt::format("run: tokenbroker client set-secret {} --name api_key", client);
        const Secret* key = context_.client_secrets.find("api_key");
        if (key == nullptr || key->empty())
            return failed(FailureClass::config, "no_api_key",
                          fmt::format("client {} has no api_key; {}", client, what_to_do));
        if (good_refresh_token(key->view())) return std::nullopt;  // 0x20-0x7E
        return failed(FailureClass::config, "unusable_api_key",
                      fmt::format("the api_key of client {} holds a line break, another control "
                                  "character or a letter beyond ASCII, or is too long: no header "
                                  "can carry it, and nothing was sent; {}",
                                  client, what_to_do));
    }

    Step mint() {
        const auto base = base_of(context_.client);
        if (!base)
            return Done(
                failed(FailureClass::config, "bad_base_url", "base_url " + base.error().message));
        Send send;
        http::Request& request = send.request;
        request.method = "GET";
        request.origin = base->origin;
        request.target = Secret(base->prefix + "/v1/auth/token?userId=");
        append_query(request.target, *context_.parameters.find("user_id"));
        request.target.append("&partner=");
        append_query(request.target, partner_of(context_.client));
        request.headers.push_back({"x-api-key", context_.client_secrets.find("api_key")->copy()});
        request.headers.push_back({"Accept", Secret("application/json")});
        request.headers.push_back({"Accept-Encoding", Secret("identity")});
        request.timeout = deadline_ - context_.clock.now();
        ++tries_;
        return send;
    }

    Done judge(const http::Outcome& outcome) const {
        if (const auto* failure = std::get_if<http::Failure>(&outcome)) {
            Failed lost = failed_by_transport(*failure, false);
            lost.reason = scrubber_.clean(lost.reason);
            return lost;
        }
        const std::string* user = context_.parameters.find("user_id");
        const ReadyPlayerMeAsk ask{looks_like_user_id(*user), scrubber_};
        Done done = read_readyplayerme_reply(std::get<http::Reply>(outcome), ask);
        const auto* minted = std::get_if<Minted>(&done);
        if (minted == nullptr) return done;
        const Millis left = minted->sent_at + *minted->lifetime - context_.clock.now();
        const Millis wanted = min_remaining_of(context_.client);
        if (left >= wanted) return done;
        Failed old =
            failed(FailureClass::retry, std::string(too_old),
                   fmt::format("the token came with {} ms of its {} ms left, and {} ms are wanted "
                               "(min_remaining): the provider, or the way to it, is too slow",
                               std::max(left, Millis{0}).count(), minted->lifetime->count(),
                               wanted.count()));
        old.counts_for_origin = false;  // it answers
        return old;
    }

    Context context_;
    Scrubber scrubber_;
    BootTime deadline_{};
    int tries_ = 0;
};

}  // namespace

Result<BaseUrl> base_of(const ClientSettings& client) {
    return parse_base_url(client.base_url, client.allow_loopback_http);
}

std::string_view partner_of(const ClientSettings& client) {
    const auto* partner = client.get<std::string>("partner");
    return partner == nullptr ? std::string_view() : std::string_view(*partner);
}

Millis min_remaining_of(const ClientSettings& client) {
    return duration_setting(client, "min_remaining").value_or(default_min_remaining);
}

Millis deadline_of(const ClientSettings& client) {
    return duration_setting(client, "deadline").value_or(default_deadline);
}

std::unique_ptr<Exchange> begin_exchange(Context context) {
    return std::make_unique<ReadyPlayerMeExchange>(std::move(context));
}

}  // namespace tb::providers::readyplayerme
