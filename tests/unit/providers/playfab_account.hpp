// The account that all PlayFab tests start from, and its replies.
#pragma once

#include <algorithm>

#include "tests/unit/providers/support.hpp"

namespace tb::test {

inline const providers::Provider& playfab() {
    return *providers::find_provider("playfab");
}

inline void set(Account& a, const std::string& key, providers::Value value) {
    a.client.settings[key] = providers::Setting{std::move(value), "test.toml:7"};
}

inline Account playfab_account(const std::string& mode) {
    Account a;
    a.client.name = "title";
    a.client.provider = "playfab";
    a.client.place = "test.toml:1";
    set(a, "title_id", "A1B2C");
    set(a, "mode", mode);
    if (mode == "secret") a.client_secrets = secrets({{"secret_key", "SK_TEST_1"}});
    if (mode == "entity") a.grant = secrets({{"entity_token", "et_test_1"}});
    if (mode == "ticket") a.grant = secrets({{"session_ticket", "st_test_1"}});
    return a;
}

// A player's account with the title's secret key to fall back on.
inline Account falling_back() {
    Account a = playfab_account("entity");
    set(a, "fallback", "secret_key");
    a.client_secrets = secrets({{"secret_key", "SK_TEST_1"}});
    a.attributes = {{"entity_id", "174812abf712"}, {"entity_type", "title_player_account"}};
    return a;
}

// The documented sample, with another TokenExpiration if one is given.
inline std::string success_body(
    std::string_view expiration = R"(,"TokenExpiration":"2022-01-26T07:24:12Z")",
    std::string_view token = "lS2h_test_2") {
    std::string body = R"({"code":200,"status":"OK","data":{"EntityToken":")";
    body.append(token).append("\"").append(expiration);
    body += R"(,"Entity":{"Id":"174812abf712","Type":"title_player_account",)"
            R"("TypeString":"title_player_account"}}})";
    return body;
}

// All of a day before the sample's expiry.
inline http::Reply dated(int status, std::string_view body,
                         std::string_view date = "Tue, 25 Jan 2022 07:24:12 GMT") {
    return reply(status, body, {{"content-type", "application/json"}, {"date", std::string(date)}});
}

inline std::string error_body(int code, int number) {
    return R"({"code":)" + std::to_string(code) + R"(,"status":"x","error":"X","errorCode":)" +
           std::to_string(number) + R"(,"errorMessage":"some words"})";
}

// What an exchange makes of these replies, one after the other. A request that is left unanswered,
// or a reply that nobody asked for, fails the test.
inline providers::Done answer(Account& a, std::vector<http::Outcome> outcomes) {
    auto exchange = a.begin(playfab());
    providers::Step step = exchange->start();
    for (http::Outcome& outcome : outcomes) {
        (void)sent(std::move(step));
        step = exchange->resume(std::move(outcome));
    }
    BOOST_REQUIRE(std::holds_alternative<providers::Done>(step));
    return std::move(std::get<providers::Done>(step));
}
inline std::vector<http::Outcome> replies(http::Outcome one) {
    std::vector<http::Outcome> all;
    all.push_back(std::move(one));
    return all;
}
inline std::vector<http::Outcome> replies(http::Outcome one, http::Outcome two) {
    std::vector<http::Outcome> all = replies(std::move(one));
    all.push_back(std::move(two));
    return all;
}

inline providers::Failed fails(Account a, http::Outcome outcome) {
    return done<providers::Failed>(answer(a, replies(std::move(outcome))));
}
inline providers::Minted mints(Account a, http::Outcome outcome) {
    return done<providers::Minted>(answer(a, replies(std::move(outcome))));
}

inline bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}
inline bool one_has(const std::vector<std::string>& texts, std::string_view part) {
    return std::any_of(texts.begin(), texts.end(),
                       [&](const std::string& text) { return has(text, part); });
}

}  // namespace tb::test
