// test-entity (like PlayFab) and test-rotating (like Immersve).
#include <array>

#include "providers/dates.hpp"
#include "providers/encoding.hpp"
#include "providers/jwt_claims.hpp"
#include "providers/token_rules.hpp"
#include "tests/unit/providers/test_provider_base.hpp"

namespace tb::test {
namespace {

using namespace providers;

constexpr Millis entity_lifetime_default{3'600'000};

class EntityExchange final : public TestExchange {
  public:
    using TestExchange::TestExchange;
    Step start() override { return next_credential(); }
    Step resume(http::Outcome outcome) override {
        if (const auto* lost = std::get_if<http::Failure>(&outcome))
            return Done(failed_by_transport(*lost, false));
        const auto& reply = std::get<http::Reply>(outcome);
        const auto document = json_of(reply);
        if (!document)
            return reply.status >= 200 && reply.status < 300
                       ? fail(FailureClass::retry, "bad_json", "the reply can't be read")
                       : Step(Done(failed_by_status(reply, false)));
        const auto root = document->root();
        const double error = root.member("errorCode").number();
        // A dead credential: the next one in the chain. Body before status.
        if ((error >= 1334 && error <= 1337) || error == 1100 || error == 1074)
            return next_credential();
        if (error == 1199) return throttled(reply, root);
        if (error != 0 || reply.status != 200)
            return reply.status == 200
                       ? fail(FailureClass::config, "provider_error", "refused in a 200")
                       : Step(Done(failed_by_status(reply, false)));
        return minted(reply, root.member("data"));
    }

  private:
    struct Credential {
        std::string_view field;
        std::string_view header;
    };
    static constexpr std::array<Credential, 3> chain = {{{"entity_token", "X-EntityToken"},
                                                         {"secret_key", "X-SecretKey"},
                                                         {"session_ticket", "X-Authorization"}}};

    Step next_credential() {
        for (; at_ < chain.size(); ++at_) {
            const Credential& credential = chain[at_];
            if (secret(credential.field).empty()) continue;
            ++at_;
            http::Request out = post("/Authentication/GetEntityToken", Secret("{}"));
            out.headers.push_back(
                {std::string(credential.header), Secret(secret(credential.field))});
            return send(std::move(out));
        }
        return fail(FailureClass::reauth, "credentials_refused", "no credential is accepted");
    }
    static Step throttled(const http::Reply& reply, const JsonReply::Value& root) {
        Failed out = failed_by_status(reply, false);
        const Millis body = parse_expires_in(root.member("retryAfterSeconds")).value_or(Millis{0});
        out.retry_after = std::max(out.retry_after.value_or(Millis{0}), body);
        return Done(std::move(out));
    }
    Step minted(const http::Reply& reply, const JsonReply::Value& data) const {
        const std::string_view token = data.member("EntityToken").text();
        if (!good_access_token(token))
            return fail(FailureClass::never, "bad_schema", "the reply has no EntityToken");
        Minted out;
        out.access_token = Secret(token);
        out.header_name = "X-EntityToken";
        out.header_prefix = "";
        out.sent_at = reply.sent_at;
        const auto expires = parse_iso8601(data.member("TokenExpiration").text());
        out.lifetime =
            expires ? std::max(Millis{0}, expires->at - date_of(reply)) : entity_lifetime_default;
        out.attributes.emplace_back("entity_id", data.member("Entity").member("Id").text());
        // The token is what renews the next one.
        out.new_grant = context_.grant.copy();
        out.new_grant->set("entity_token", Secret(token));
        return Done(std::move(out));
    }
    std::size_t at_ = 0;
};

class EntityProvider final : public TestProvider {
  public:
    EntityProvider()
        : TestProvider("test-entity", {"secret_key", "session_ticket", "entity_token"}) {}
    Traits traits(const ClientSettings&) const override {
        Traits traits;
        traits.renew_from = 0.45;
        traits.renew_to = 0.55;
        traits.min_age_at_report = Millis{60'000};
        return traits;
    }
    std::unique_ptr<Exchange> begin(Context context) const override {
        return std::make_unique<EntityExchange>(std::move(context));
    }
};

constexpr Millis rotating_lifetime_default{1'200'000};

class RotatingExchange final : public TestExchange {
  public:
    using TestExchange::TestExchange;
    Step start() override {
        Secret body(R"({"refreshToken":")");
        append_json(body, secret("refresh_token"));
        body.append(R"(","clientApplicationId":")");
        append_json(body, context_.client.client_id);
        body.append("\"}");
        http::Request out = post("/auth/token", std::move(body));
        out.headers.push_back({"Origin", Secret("https://app.example.com")});
        out.spends_grant = true;
        return send(std::move(out));
    }
    Step resume(http::Outcome outcome) override {
        if (const auto* lost = std::get_if<http::Failure>(&outcome))
            return Done(failed_by_transport(*lost, true));
        const auto& reply = std::get<http::Reply>(outcome);
        const auto document = json_of(reply);
        if (reply.status == 200) {
            if (!document)
                return fail(FailureClass::ambiguous, "bad_json", "the reply can't be read");
            return minted(reply, document->root());
        }
        if (reply.status == 401) return fail(FailureClass::reauth, "unauthorized", "HTTP 401");
        if (reply.status == 403 && document) return refused(document->root());
        Failed out = failed_by_status(reply, true);
        if (reply.status >= 500) out.failure = FailureClass::ambiguous;
        return Done(std::move(out));
    }

  private:
    Step refused(const JsonReply::Value& root) const {
        const auto says = [&](std::string_view code) {
            return root.member("errorCode").text() == code || root.member("reason").text() == code;
        };
        if (says("REFRESH_TOKEN_EXPIRED"))
            return fail(FailureClass::reauth, "refresh_token_expired", "it has expired");
        if (says("ORIGIN_NOT_ALLOWED"))
            return fail(FailureClass::config, "origin_not_allowed", "check the origin");
        // What a spent token is answered with is documented nowhere.
        return context_.outcome_unknown
                   ? fail(FailureClass::reauth, "forbidden", "refused after a lost answer")
                   : fail(FailureClass::config, "forbidden", "refused");
    }
    Step minted(const http::Reply& reply, const JsonReply::Value& root) const {
        const std::string_view token = root.member("accessToken").text();
        const std::string_view next = root.member("refreshToken").text();
        if (!good_access_token(token))
            return fail(FailureClass::ambiguous, "bad_schema", "the reply has no token");
        Minted out;
        out.access_token = Secret(token);
        out.sent_at = reply.sent_at;
        const auto claims = read_jwt_claims(token);
        out.lifetime = rotating_lifetime_default;
        if (claims)
            out.lifetime = lifetime_of(*claims, date_of(reply)).value_or(rotating_lifetime_default);
        if (good_refresh_token(next)) {
            SecretSet grant;
            grant.set("refresh_token", Secret(next));
            out.new_grant = std::move(grant);
            if (const auto of_grant = read_jwt_claims(next))
                out.grant_lifetime = lifetime_of(*of_grant, date_of(reply));
        } else {
            out.warnings.emplace_back("no new refresh token; the old one is probably spent");
        }
        return Done(std::move(out));
    }
};

class RotatingProvider final : public TestProvider {
  public:
    RotatingProvider() : TestProvider("test-rotating", {"refresh_token"}) {}
    Traits traits(const ClientSettings&) const override {
        Traits traits;
        traits.single_use_grant = true;
        return traits;
    }
    std::unique_ptr<Exchange> begin(Context context) const override {
        return std::make_unique<RotatingExchange>(std::move(context));
    }
};

}  // namespace

const Provider& entity_provider() {
    static const EntityProvider one;
    return one;
}

const Provider& rotating_provider() {
    static const RotatingProvider one;
    return one;
}

}  // namespace tb::test
