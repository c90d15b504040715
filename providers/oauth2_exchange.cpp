// One renewal or revocation: discovery where it is needed, the grant, and where an operator allowed
// it, the password grant after a refusal. What must stay true: a refused refresh token is never
// sent again once the password has taken over.
#include "providers/oauth2_exchange.hpp"

#include "providers/oauth2_discovery.hpp"
#include "providers/oauth2_reply.hpp"
#include "providers/oauth2_request.hpp"
#include "providers/reply_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

class OAuth2Exchange final : public Exchange {
  public:
    OAuth2Exchange(std::shared_ptr<const Setup> setup, Context context)
        : shared_(std::move(setup)), context_(std::move(context)) {
        add_secrets(scrubber_, context_);
        if (shared_->issuer.empty()) return;
        discovered_ = std::make_unique<Setup>(*shared_);
        discovery_.emplace(*discovered_, scrubber_);
    }

    Step start() override {
        if (context_.purpose == Purpose::probe) return send_validation();
        const bool revoke = context_.purpose == Purpose::revoke;
        if (revoke && !setup().revoke && setup().issuer.empty())
            return Done(failed(FailureClass::never, "unsupported",
                               "the client has no endpoint to revoke a token (revoke_url)"));
        const bool application = setup().grant == Grant::client_credentials;
        if (!has("refresh_token") && (revoke || !(application || has_password())))
            return Done(failed(FailureClass::reauth, "no_grant", "there is no refresh token"));
        if (!needs_discovery()) return send_first();
        stage_ = Stage::discovery;
        return sent(discovery_->start());
    }

    Step resume(http::Outcome outcome) override {
        if (stage_ == Stage::discovery) {
            auto next = discovery_->resume(outcome);
            if (auto* request = std::get_if<http::Request>(&next)) return Send{std::move(*request)};
            if (auto* fault = std::get_if<Failed>(&next)) return Done(std::move(*fault));
            return send_first();
        }
        if (stage_ == Stage::validation) return read_validation(outcome);
        const Ask ask{setup(), context_.grant, asked(), scrubber_};
        if (const auto* failure = std::get_if<http::Failure>(&outcome)) {
            Failed lost = failed_by_transport(*failure, ask.spends_grant());
            lost.reason = scrubber_.clean(lost.reason);
            return finish(std::move(lost));
        }
        const auto& reply = std::get<http::Reply>(outcome);
        if (stage_ == Stage::revocation) return read_revocation_reply(reply, ask);
        Done done = read_token_reply(reply, ask);
        const auto* refused = std::get_if<Failed>(&done);
        if (stage_ == Stage::refresh && refused != nullptr &&
            refused->failure == FailureClass::reauth && has_password())
            return send_password(Stage::password_after_refusal);
        return finish(std::move(done));
    }

  private:
    enum class Stage : std::uint8_t {
        discovery,
        refresh,
        client_credentials,
        password,
        password_after_refusal,
        revocation,
        validation
    };

    const Setup& setup() const { return discovered_ ? *discovered_ : *shared_; }
    bool has(std::string_view name) const {
        const Secret* value = context_.grant.find(name);
        return value != nullptr && !value->empty();
    }
    bool has_password() const {
        return setup().password_grant && has("username") && has("password");
    }
    std::string_view given(std::string_view name) const {
        return context_.grant.find(name)->view();
    }
    bool needs_discovery() const {
        if (setup().issuer.empty()) return false;
        const bool for_audience =
            setup().client_auth == ClientAuth::private_key_jwt && !setup().audience_is_issuer;
        if (context_.purpose == Purpose::revoke)
            return !setup().revoke || (for_audience && !setup().token);
        return !setup().token;
    }
    Asked asked() const {
        switch (stage_) {
            case Stage::client_credentials:
                return Asked::client_credentials;
            case Stage::password:
            case Stage::password_after_refusal:
                return Asked::password;
            case Stage::revocation:
                return Asked::revocation;
            default:
                return Asked::refresh;
        }
    }

    Step send_first() {
        const bool revoke = context_.purpose == Purpose::revoke;
        if (revoke ? !setup().revoke : !setup().token)
            return Done(failed(FailureClass::config, "no_endpoint",
                               revoke ? "neither the section nor the issuer's document has an "
                                        "endpoint to revoke a token that can be used; set "
                                        "revoke_url"
                                      : "neither the section nor the issuer's document has a "
                                        "token endpoint that can be used; set token_url"));
        if (revoke) return send_revocation();
        if (setup().grant == Grant::client_credentials) return send_client_credentials();
        return has("refresh_token") ? send_refresh() : send_password(Stage::password);
    }

    Step send_refresh() {
        stage_ = Stage::refresh;
        FormFields fields = {{"grant_type", "refresh_token"},
                             {"refresh_token", given("refresh_token")}};
        return send(std::move(fields), setup().scope_on_refresh);
    }

    Step send_client_credentials() {
        stage_ = Stage::client_credentials;
        return send({{"grant_type", "client_credentials"}}, true);
    }

    Step send_password(Stage stage) {
        stage_ = stage;
        return send({{"grant_type", "password"},
                     {"username", given("username")},
                     {"password", given("password")}},
                    true);
    }

    Step send_revocation() {
        stage_ = Stage::revocation;
        const FormFields fields = {{"token", given("refresh_token")},
                                   {"token_type_hint", "refresh_token"}};
        return sent(form_request(setup(), context_, *setup().revoke, fields, scrubber_));
    }

    // Of the token in hand, not of the grant: nothing is spent, whatever comes back.
    Step send_validation() {
        if (!setup().validate || context_.access_token == nullptr)
            return Done(failed(FailureClass::never, "unsupported",
                               "the client has no endpoint to validate a token (validate_url)"));
        stage_ = Stage::validation;
        scrubber_.add(context_.access_token->view());
        http::Request request = plain_request(setup(), *setup().validate);
        Secret bearer("Bearer ");
        bearer.append(context_.access_token->view());
        request.headers.push_back({"Authorization", std::move(bearer)});
        return Send{std::move(request)};
    }

    // Only a 401 is about the token (RFC 6750 section 3.1); anything else says nothing of it.
    Step read_validation(const http::Outcome& outcome) const {
        Failed trouble;
        if (const auto* failure = std::get_if<http::Failure>(&outcome)) {
            trouble = failed_by_transport(*failure, false);
        } else {
            const auto& reply = std::get<http::Reply>(outcome);
            if (reply.status >= 200 && reply.status < 300) return Done(Probed{});
            trouble = failed_by_status(reply, false);
            if (reply.status == 401)
                trouble = failed(FailureClass::config, "rejected",
                                 "HTTP 401: the access token is not valid any more");
        }
        trouble.reason = scrubber_.clean(trouble.reason);
        return Done(std::move(trouble));
    }

    Step send(FormFields fields, bool with_scope) {
        const std::string scopes = setup().joined_scopes();
        if (with_scope && !scopes.empty()) fields.emplace_back(setup().scope_param, scopes);
        for (const auto& [name, value] : setup().extra_params)
            fields.emplace_back(name, value);
        auto made = form_request(setup(), context_, *setup().token, fields, scrubber_);
        if (auto* request = std::get_if<http::Request>(&made))
            request->spends_grant = stage_ == Stage::refresh && setup().spends_grant();
        return sent(std::move(made));
    }

    static Step sent(std::variant<http::Request, Failed> made) {
        if (auto* request = std::get_if<http::Request>(&made)) return Send{std::move(*request)};
        return Done(std::move(std::get<Failed>(made)));
    }

    Step finish(Done done) {
        if (auto* minted = std::get_if<Minted>(&done);
            minted != nullptr && asked() == Asked::password)
            minted->warnings.emplace_back("minted with the password grant");
        // The refresh token was refused and the password did not help now: from here on only the
        // password is left.
        if (auto* lost = std::get_if<Failed>(&done);
            lost != nullptr && stage_ == Stage::password_after_refusal && !lost->new_grant) {
            SecretSet left;
            left.set("username", context_.grant.find("username")->copy());
            left.set("password", context_.grant.find("password")->copy());
            lost->new_grant = std::move(left);
        }
        return done;
    }

    const std::shared_ptr<const Setup> shared_;
    // Where an issuer fills in what is not configured.
    std::unique_ptr<Setup> discovered_;
    Context context_;
    Scrubber scrubber_;
    std::optional<Discovery> discovery_;
    Stage stage_ = Stage::refresh;
};

}  // namespace

std::unique_ptr<Exchange> begin_exchange(std::shared_ptr<const Setup> setup, Context context) {
    return std::make_unique<OAuth2Exchange>(std::move(setup), std::move(context));
}

std::unique_ptr<Exchange> begin_prepared(Context context, Setup (*make)(const ClientSettings&)) {
    const auto* prepared = static_cast<const PreparedSetup*>(context.prepared);
    auto setup =
        prepared != nullptr ? prepared->setup : std::make_shared<const Setup>(make(context.client));
    return begin_exchange(std::move(setup), std::move(context));
}

}  // namespace tb::providers::oauth2
