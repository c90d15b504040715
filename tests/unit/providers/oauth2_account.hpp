// The account that all oauth2 tests start from, and logins of it.
#pragma once

#include <map>

#include "providers/login.hpp"
#include "tests/unit/providers/support.hpp"

namespace tb::test {

using Table = std::map<std::string, std::string>;
using List = std::vector<std::string>;

inline const providers::Provider& generic() {
    return *providers::find_provider("oauth2");
}

inline void put(Account& a, const std::string& key, providers::Value value) {
    a.client.settings[key] = providers::Setting{std::move(value), "test.toml:7"};
}

inline Account oauth2_account() {
    Account a;
    a.client.name = "shop";
    a.client.provider = "oauth2";
    a.client.place = "test.toml:1";
    a.client.client_id = "myTestApp";
    put(a, "token_url", "https://id.example.com/oauth2/token");
    a.grant = secrets({{"refresh_token", "rt_test_old"}});
    a.client_secrets = secrets({{"client_secret", "cs_test_1"}});
    return a;
}

// A preset's account: nothing is configured but its name.
inline Account preset_account(const std::string& preset) {
    Account a = oauth2_account();
    a.client.settings.clear();
    put(a, "preset", preset);
    return a;
}

inline http::Request first_request(Account& a,
                                   providers::Purpose purpose = providers::Purpose::renew) {
    return sent(a.begin(generic(), purpose)->start());
}

// What the exchange makes of the outcome of its first request.
inline providers::Step answered(Account& a, http::Outcome outcome) {
    auto exchange = a.begin(generic());
    (void)sent(exchange->start());
    return exchange->resume(std::move(outcome));
}

// A login of a client; it has no grant yet. Lives no longer than the account.
class LoginRun {
  public:
    LoginRun(Account& a, const providers::Provider& provider, providers::LoginRequest request) {
        providers::Context context{
            a.client,         "shop/main", a.attributes, none_,
            a.client_secrets, {},          false,        providers::Purpose::renew,
            a.clock,          a.random};
        login_ = provider.begin_login(std::move(context), std::move(request));
        BOOST_REQUIRE(login_ != nullptr);
    }
    providers::Login& operator*() { return *login_; }
    providers::Login* operator->() { return login_.get(); }

  private:
    SecretSet none_;
    std::unique_ptr<providers::Login> login_;
};

template <class T>
T expect(providers::LoginStep step) {
    if (auto* done = std::get_if<providers::Done>(&step))
        if (auto* f = std::get_if<providers::Failed>(done))
            BOOST_FAIL("failed: " + f->code + ": " + f->reason);
    BOOST_REQUIRE(std::holds_alternative<T>(step));
    return std::move(std::get<T>(step));
}
template <class T>
T ended(providers::LoginStep step) {
    BOOST_REQUIRE(std::holds_alternative<providers::Done>(step));
    return done<T>(providers::Step(std::move(std::get<providers::Done>(step))));
}

inline bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace tb::test
