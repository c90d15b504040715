// The account that all Ready Player Me tests start from.
#pragma once

#include "providers/encoding.hpp"
#include "tests/unit/providers/support.hpp"

namespace tb::test {

// exp - iat = 15 s, of November 2023.
inline const std::string rpm_token =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwMDE1fQ.c2ln";

inline const providers::Provider& readyplayerme() {
    return *providers::find_provider("readyplayerme");
}

inline Account rpm_account() {
    Account a;
    a.client.name = "avatars";
    a.client.provider = "readyplayerme";
    a.client.place = "test.toml:1";
    a.client.base_url = "https://api.readyplayer.me";
    a.client.settings["partner"] = {std::string("readyplayermedemo"), "test.toml:7"};
    a.client_secrets = secrets({{"api_key", "key-1"}});
    a.parameters.emplace_back("user_id", "64943d471dc01e086ac887ee");
    return a;
}

inline std::string rpm_body(std::string_view token) {
    return R"({"data":{"token":")" + std::string(token) + "\"}}";
}

inline http::Reply rpm_at(http::Reply r, BootTime sent_at) {
    r.sent_at = sent_at;
    return r;
}
// What the exchange makes of the answer to its first request, which was sent just now.
inline providers::Step rpm_answered(Account& a, http::Outcome outcome) {
    auto exchange = a.begin(readyplayerme());
    (void)sent(exchange->start());
    if (auto* r = std::get_if<http::Reply>(&outcome)) r->sent_at = a.clock.boot;
    return exchange->resume(std::move(outcome));
}
inline providers::Minted rpm_minted(std::string_view body, int status = 200) {
    Account a = rpm_account();
    return done<providers::Minted>(rpm_answered(a, json_reply(status, body)));
}

}  // namespace tb::test
