// test-minted (like Ready Player Me) and test-static.
#include "tests/unit/providers/test_providers.hpp"

#include "providers/encoding.hpp"
#include "providers/jwt_claims.hpp"
#include "providers/token_rules.hpp"
#include "tests/unit/providers/test_provider_base.hpp"

namespace tb::test {
namespace {

using namespace providers;

constexpr Millis minted_lifetime{15'000};
constexpr Millis minted_left_min{10'000};
constexpr Millis minted_deadline{5'000};  // of both requests together

class MintedExchange final : public TestExchange {
  public:
    using TestExchange::TestExchange;
    Step start() override {
        started_ = context_.clock.now();
        return mint(minted_deadline);
    }
    Step resume(http::Outcome outcome) override {
        if (const auto* lost = std::get_if<http::Failure>(&outcome))
            return Done(failed_by_transport(*lost, false));
        const auto& reply = std::get<http::Reply>(outcome);
        if (reply.status == 403)
            return of_this_user(FailureClass::reauth, "not_authorized",
                                "this user has not authorised the application");
        if (reply.status == 404)
            return of_this_user(FailureClass::config, "unknown_user", "no such user");
        if (reply.status != 200 && reply.status != 201) return Done(failed_by_status(reply, false));
        const auto document = json_of(reply);
        const auto token = document ? document->root().member("data").member("token").text() : "";
        if (!good_access_token(token))
            return fail(FailureClass::never, "bad_schema", "the reply has no token");

        Minted minted;
        minted.access_token = Secret(token);
        minted.sent_at = reply.sent_at;
        minted.lifetime = minted_lifetime;
        if (const auto claims = read_jwt_claims(token))
            minted.lifetime =
                std::min(minted_lifetime,
                         lifetime_of(*claims, reply.received_wall).value_or(minted_lifetime));
        const Millis left = reply.sent_at + *minted.lifetime - context_.clock.now();
        if (left >= minted_left_min) return Done(std::move(minted));
        const Millis deadline_left = started_ + minted_deadline - context_.clock.now();
        if (again_ || deadline_left <= Millis{0})
            return fail(FailureClass::retry, "token_too_old",
                        "the tokens arrive with less than 10 s left");
        again_ = true;
        return mint(deadline_left);
    }

  private:
    Step mint(Millis timeout) {
        const std::string* user = context_.parameters.find("user_id");
        http::Request out = request("GET", "/v1/auth/token?userId=");
        append_query(out.target, user == nullptr ? std::string_view() : std::string_view(*user));
        out.target.append("&partner=");
        append_query(out.target, context_.client.client_id);
        const Secret* key = context_.client_secrets.find("api_key");
        if (key == nullptr) return fail(FailureClass::config, "no_api_key", "there is no api_key");
        out.headers.push_back({"x-api-key", key->copy()});
        out.timeout = timeout;
        return send(std::move(out));
    }
    static Step of_this_user(FailureClass failure, std::string code, std::string reason) {
        Failed out = failed(failure, std::move(code), std::move(reason));
        out.scope = Failed::Scope::parameters;
        return Done(std::move(out));
    }
    BootTime started_{};
    bool again_ = false;
};

class MintedProvider final : public TestProvider {
  public:
    MintedProvider() : TestProvider("test-minted", {}) {}
    Traits traits(const ClientSettings&) const override {
        Traits traits;
        traits.policy = Policy::on_demand;
        traits.hand_out_min = minted_left_min;
        traits.longest_lifetime = minted_lifetime;
        traits.parameters = {"user_id"};
        return traits;
    }
    std::vector<std::string> client_secret_names(const ClientSettings&) const override {
        return {"api_key"};
    }
    Result<Imported> import_grant(const ClientSettings&, const Attributes&,
                                  SecretSet) const override {
        return Imported{};  // the key of the client is all it takes
    }
    Result<void> check_parameters(const ClientSettings& client, const Attributes& attributes,
                                  const Parameters& parameters) const override {
        auto known = Provider::check_parameters(client, attributes, parameters);
        if (!known) return known;
        const std::string* user = parameters.find("user_id");
        if (user != nullptr && !user->empty()) return known;
        return Error{errc::invalid_parameter, "parameters.user_id is missing"};
    }
    std::unique_ptr<Exchange> begin(Context context) const override {
        return std::make_unique<MintedExchange>(std::move(context));
    }
};

class StaticExchange final : public TestExchange {
  public:
    using TestExchange::TestExchange;
    Step start() override {
        if (context_.purpose == Purpose::renew) return Done(token(context_.clock.now()));
        http::Request out = request("GET", "/check");
        out.headers.push_back({"X-Key", Secret(secret("key"))});
        return send(std::move(out));
    }
    Step resume(http::Outcome outcome) override {
        if (const auto* lost = std::get_if<http::Failure>(&outcome))
            return Done(failed_by_transport(*lost, false));
        const auto& reply = std::get<http::Reply>(outcome);
        if (reply.status == 200) return Done(Probed{});
        if (reply.status == 401) return fail(FailureClass::config, "rejected", "key refused");
        return Done(failed_by_status(reply, false));
    }

  private:
    Minted token(BootTime now) const {
        Minted minted;
        minted.access_token = Secret(secret("key"));
        minted.header_name = "X-Key";
        minted.header_prefix = "";
        minted.sent_at = now;
        return minted;
    }
};

class StaticProvider final : public TestProvider {
  public:
    StaticProvider() : TestProvider("test-static", {"key"}) {}
    Traits traits(const ClientSettings&) const override {
        Traits traits;
        traits.policy = Policy::static_token;
        traits.probes = true;
        return traits;
    }
    std::unique_ptr<Exchange> begin(Context context) const override {
        return std::make_unique<StaticExchange>(std::move(context));
    }
};

}  // namespace

const Provider& minted_provider() {
    static const MintedProvider one;
    return one;
}

const Provider& static_provider() {
    static const StaticProvider one;
    return one;
}

void register_test_providers() {
    if (find_provider(minted_provider().name()) != nullptr) return;
    for (const Provider* one :
         {&minted_provider(), &entity_provider(), &rotating_provider(), &static_provider()})
        register_provider(*one);
}

}  // namespace tb::test
