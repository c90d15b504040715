// The account that all Webroot tests start from.
#pragma once

#include "tests/unit/providers/support.hpp"

namespace tb::test {

inline const providers::Provider& webroot() {
    return *providers::find_provider("webroot");
}

inline Account webroot_account() {
    Account a;
    a.client.name = "shop";
    a.client.provider = "webroot";
    a.client.place = "test.toml:1";
    a.client.client_id = "myTestApp";
    a.client.scopes = {"ecom.shop"};
    a.grant = secrets({{"refresh_token", "e638d190ecec49aa80157e86fb11e4e5"}});
    a.client_secrets = secrets({{"client_secret", "mySecret"}});
    return a;
}

inline void set(Account& a, const std::string& key, providers::Value value) {
    a.client.settings[key] = providers::Setting{std::move(value), "test.toml:7"};
}

// What the exchange makes of the outcome of its first request.
inline providers::Step answer(Account& a, http::Outcome outcome) {
    auto exchange = a.begin(webroot());
    (void)sent(exchange->start());
    return exchange->resume(std::move(outcome));
}

}  // namespace tb::test
