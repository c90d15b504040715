// One renewal at PlayFab: GetEntityToken with the first credential of a chain that is accepted.
// What must stay true: exactly one credential header a request, for SDKs and servers disagree on
// which of two wins; a banned player is not tried again with another credential; a fallback never
// brings a token of another entity.
#include <fmt/format.h>

#include <algorithm>

#include "base/limits.hpp"
#include "providers/encoding.hpp"
#include "providers/playfab_client.hpp"
#include "providers/playfab_reply.hpp"
#include "providers/reply_rules.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::playfab {
namespace {

class PlayfabExchange final : public Exchange {
  public:
    explicit PlayfabExchange(Context context) : context_(std::move(context)) {
        scrubber_.add(context_.grant);
        scrubber_.add(context_.client_secrets);
        for (const Credential credential : wanted())
            if (secret_of(credential) != nullptr) chain_.push_back(credential);
    }

    Step start() override {
        if (context_.purpose != Purpose::renew)
            return Done(failed(FailureClass::never, "unsupported",
                               "an entity token can't be probed or given back"));
        auto entity = entity_of(context_.attributes);
        if (!entity)
            return Done(failed(FailureClass::config, "bad_entity", entity.error().message));
        entity_ = std::move(*entity);
        // The secret key alone is the title: its token would be worth far more than the player's.
        if (falls_back_to_secret(context_.client) && !entity_)
            return Done(failed(FailureClass::config, "no_entity",
                               "fallback = \"secret_key\" needs to know whose token it is to get: "
                               "add the account with --attribute entity_id=ID --attribute "
                               "entity_type=title_player_account"));
        if (chain_.empty()) return Done(nothing_to_renew_with());
        return send();
    }

    Step resume(http::Outcome outcome) override {
        if (const auto* failure = std::get_if<http::Failure>(&outcome)) {
            Failed lost = failed_by_transport(*failure, false);
            lost.reason = scrubber_.clean(lost.reason);
            return finish(std::move(lost));
        }
        Answer answer =
            read_reply(std::get<http::Reply>(outcome), Ask{chain_[at_], entity_, scrubber_});
        if (answer.stale && !std::exchange(asked_again_, true)) return send();
        const auto* refused = std::get_if<Failed>(&answer.done);
        if (answer.credential_refused && at_ + 1 < chain_.size()) {
            refused_code_ = refused->code;
            revoked_ = revoked_ || answer.revoked;
            ++at_;
            return send();
        }
        return finish(std::move(answer.done));
    }

  private:
    // In the order in which they are tried.
    std::vector<Credential> wanted() const {
        switch (mode_of(context_.client)) {
            case Mode::secret:
                return {Credential::secret_key};
            case Mode::ticket:
                return {Credential::session_ticket};
            case Mode::entity:
                break;
        }
        // No look at our clock first: what is dead, PlayFab knows best, and asking costs one call.
        if (falls_back_to_secret(context_.client))
            return {Credential::entity_token, Credential::secret_key};
        return {Credential::entity_token, Credential::session_ticket};
    }

    const Secret* secret_of(Credential credential) const {
        const SecretSet& set =
            credential == Credential::secret_key ? context_.client_secrets : context_.grant;
        const Secret* found = set.find(field_of(credential));
        return found == nullptr || found->empty() ? nullptr : found;
    }

    Failed nothing_to_renew_with() const {
        const std::string& name = context_.client.name;
        if (mode_of(context_.client) == Mode::secret || falls_back_to_secret(context_.client))
            return failed(FailureClass::config, "no_secret_key",
                          fmt::format("client {} has no secret_key; run: tokenbroker client "
                                      "set-secret {} --name secret_key",
                                      name, name));
        return failed(FailureClass::reauth, "no_grant",
                      fmt::format("there is no {}", words_of(wanted().back())));
    }

    Secret body() const {
        Secret body("{");
        if (entity_) {
            body.append(R"("Entity":{"Id":")");
            append_json(body, entity_->id);
            body.append(R"(","Type":")");
            append_json(body, entity_->type);
            body.append("\"}");
        }
        if (const auto* tags = custom_tags_of(context_.client); tags != nullptr && !tags->empty()) {
            body.append(entity_ ? R"(,"CustomTags":{)" : R"("CustomTags":{)");
            std::string_view comma;
            for (const auto& [name, value] : *tags) {
                body.append(comma).push_back('"');
                append_json(body, name);
                body.append("\":\"");
                append_json(body, value);
                body.push_back('"');
                comma = ",";
            }
            body.push_back('}');
        }
        body.push_back('}');
        return body;
    }

    Step send() {
        const Credential credential = chain_[at_];
        const Secret& secret = *secret_of(credential);
        // The grant was looked at when it was imported; a client's secret comes as it is.
        if (!good_access_token(secret.view()))
            return finish(failed(FailureClass::config, "bad_credential",
                                 fmt::format("the {} holds a space, a line break or another byte "
                                             "that no header can carry; set it again",
                                             words_of(credential))));
        const auto base = base_of(context_.client);
        if (!base)
            return finish(failed(FailureClass::config, "bad_base_url", base.error().message));
        Send send;
        http::Request& request = send.request;
        request.method = "POST";
        request.origin = base->origin;
        request.target = Secret(base->prefix + "/Authentication/GetEntityToken");
        request.headers.push_back({std::string(header_of(credential)), secret.copy()});
        request.headers.push_back({"Content-Type", Secret("application/json")});
        request.headers.push_back({"Accept", Secret("application/json")});
        request.headers.push_back({"Accept-Encoding", Secret("identity")});
        request.body = body();
        request.timeout = limits::exchange_timeout_ms;
        return send;
    }

    Step finish(Done done) {
        if (auto* minted = std::get_if<Minted>(&done)) {
            minted->attributes.emplace_back("title_id", title_id_of(context_.client));
            if (mode_of(context_.client) == Mode::entity) keep_as_grant(*minted);
            if (at_ > 0)
                minted->warnings.push_back(fmt::format(
                    "renewed with the {}, for the entity token was refused ({}){}",
                    words_of(chain_[at_]), refused_code_,
                    revoked_ ? ": ALARM: somebody revoked it; find out who and why" : ""));
        }
        if (auto* lost = std::get_if<Failed>(&done); lost != nullptr && at_ > 0)
            lost->reason = scrubber_.clean(fmt::format("{} (and before: {} for the entity token)",
                                                       lost->reason, refused_code_));
        return done;
    }

    // The token renews its successor, so it is a grant with a life of its own.
    void keep_as_grant(Minted& minted) const {
        SecretSet next = context_.grant.copy();
        next.set(field_of(Credential::entity_token), minted.access_token.copy());
        minted.new_grant = std::move(next);
        minted.grant_lifetime = minted.lifetime;
    }

    Context context_;
    Scrubber scrubber_;
    std::optional<Entity> entity_;
    std::vector<Credential> chain_;  // those of wanted() that are there
    std::size_t at_ = 0;             // the one in use
    bool asked_again_ = false;       // once, for a token that was dead on arrival
    bool revoked_ = false;
    std::string refused_code_;  // of the credential before
};

}  // namespace

std::unique_ptr<Exchange> begin_exchange(Context context) {
    return std::make_unique<PlayfabExchange>(std::move(context));
}

}  // namespace tb::providers::playfab
