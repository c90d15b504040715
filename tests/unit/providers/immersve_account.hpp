// The account that all Immersve tests start from, and the tokens of the vectors.
#pragma once

#include "providers/encoding.hpp"
#include "tests/unit/providers/support.hpp"

namespace tb::test {

// exp - iat = 1200 s.
inline const std::string immersve_a2 =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAxMjAwfQ.c2ln";
// 30 days.
inline const std::string immersve_r2 =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJ1MSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAyNTkyMDAwLCJqdGkiOiJyMiJ9.c2ln";

inline const providers::Provider& immersve() {
    return *providers::find_provider("immersve");
}

inline Account immersve_account() {
    Account a;
    a.client.name = "cards";
    a.client.provider = "immersve";
    a.client.place = "test.toml:1";
    a.client.client_id = "29097f50d221858223a17633e36716f9";
    a.client.settings["origin"] = {std::string("https://app.example.com"), "test.toml:7"};
    a.grant = secrets({{"refresh_token", "R1"}});
    return a;
}

// What the exchange makes of the outcome of its one request.
inline providers::Step immersve_answer(Account& a, http::Outcome outcome) {
    auto exchange = a.begin(immersve());
    (void)sent(exchange->start());
    return exchange->resume(std::move(outcome));
}

// With padding and the standard alphabet, as some issuers write it.
inline std::string jwt_of(std::string_view payload) {
    return "e30." + std::string(providers::base64(payload).view()) + ".c2ln";
}

inline std::string immersve_both(std::string_view access, std::string_view refresh) {
    return R"({"accessToken":")" + std::string(access) + R"(","refreshToken":")" +
           std::string(refresh) + "\"}";
}
inline std::string immersve_error(int status, std::string_view code, std::string_view reason) {
    return R"({"statusCode":)" + std::to_string(status) +
           R"(,"statusName":"Forbidden","errorCode":")" + std::string(code) + R"(","reason":")" +
           std::string(reason) + "\"}";
}

}  // namespace tb::test
