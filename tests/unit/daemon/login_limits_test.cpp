// What bounds logins and revocations.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "providers/login.hpp"
#include "tests/unit/daemon/bench.hpp"

using namespace tb;
using namespace tb::test;

namespace {

BOOST_FIXTURE_TEST_CASE(giving_back_is_bounded_in_number_and_time, Bench) {
    daemon::ClientConfig& shop = client("shop", "oauth2");
    shop.settings.settings["token_url"] = {std::string("/token"), "test.toml:3"};
    shop.settings.settings["revoke_url"] = {std::string("/revoke"), "test.toml:4"};
    const std::size_t many = ::tb::limits::revocations_max + 5;
    for (std::size_t i = 0; i < many; ++i)
        account(fmt::format("shop/a{}", i), "oauth2");
    begin();
    pass(Millis{60'000});
    https.sent.clear();
    https.latency = Millis{60'000};
    for (std::size_t i = 0; i < many; ++i)
        BOOST_TEST(call(admin + "RemoveAccount", {{"account", fmt::format("shop/a{}", i)}}).error ==
                   "");
    BOOST_TEST(https.sent.size() == ::tb::limits::revocations_max);
    BOOST_TEST((https.sent[0].timeout == ::tb::limits::revocation_timeout_ms));
    BOOST_TEST(disk.rows.empty());
    pass(Millis{70'000});
}

BOOST_FIXTURE_TEST_CASE(a_client_that_changed_its_provider_gets_no_foreign_grant, Bench) {
    daemon::ClientConfig& shop = client("shop", "oauth2");
    shop.settings.settings["token_url"] = {std::string("/token"), "test.toml:3"};
    account("shop/main", "webroot");
    begin();
    const auto added = call(admin + "AddAccount", {{"account", "shop/main"},
                                                   {"secrets", {{"refresh_token", "rt_test_1"}}},
                                                   {"replace", true}});
    BOOST_TEST(added.error == admin + "Refused");
    const std::string reason(added.parameters.at("reason").as_string());
    BOOST_TEST(reason.find("run: tokenbroker account remove shop/main") != std::string::npos);
}

// A provider that never comes to an end.
class Endless final : public providers::Login {
  public:
    providers::LoginStep start() override { return providers::Pause{Millis{0}}; }
    providers::LoginStep resume(http::Outcome) override { return start(); }
    providers::LoginStep shown(std::string_view) override { return start(); }
    providers::LoginStep waited() override {
        ++steps;
        return start();
    }
    static inline int steps = 0;
};
class EndlessProvider final : public providers::Provider {
  public:
    std::string_view name() const override { return "test-endless-login"; }
    std::vector<providers::Mistake> check(const providers::ClientSettings&) const override {
        return {};
    }
    providers::Traits traits(const providers::ClientSettings&) const override { return {}; }
    std::vector<std::string> grant_fields(const providers::ClientSettings&) const override {
        return {"refresh_token"};
    }
    std::vector<std::string> attribute_names(const providers::ClientSettings&) const override {
        return {};
    }
    Result<providers::Imported> import_grant(
        const providers::ClientSettings&, const std::vector<std::pair<std::string, std::string>>&,
        SecretSet) const override {
        return Error{errc::invalid_parameter, "never"};
    }
    std::unique_ptr<providers::Exchange> begin(providers::Context) const override {
        return nullptr;
    }
    std::string origin(const providers::ClientSettings&) const override { return ""; }
    std::vector<providers::LoginFlow> login_flows(const providers::ClientSettings&) const override {
        return {providers::LoginFlow::device};
    }
    std::unique_ptr<providers::Login> begin_login(providers::Context,
                                                  providers::LoginRequest) const override {
        return std::make_unique<Endless>();
    }
};

BOOST_FIXTURE_TEST_CASE(a_login_that_never_ends_is_ended, Bench) {
    static const EndlessProvider endless;
    if (providers::find_provider("test-endless-login") == nullptr)
        providers::register_provider(endless);
    (void)client("endless", "test-endless-login");
    begin();
    const auto wire = send(admin + "Login", {{"account", "endless/main"}}, 0, true);
    pass(Millis{1'000});
    const auto last = taken(wire);
    BOOST_REQUIRE(last.has_value());
    BOOST_TEST_INFO(boost::json::serialize(last->parameters));
    BOOST_TEST(last->error == admin + "RenewalFailed");
    BOOST_TEST(Endless::steps == ::tb::limits::login_steps_max);
}

}  // namespace
