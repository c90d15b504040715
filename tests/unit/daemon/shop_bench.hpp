// A client of an OAuth2 server with every endpoint, and logins to it.
#pragma once

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "tests/unit/daemon/bench.hpp"

namespace tb::test {

using boost::json::object;

struct Shop : Bench {
    Shop() {
        daemon::ClientConfig& shop = client("shop", "oauth2");
        const auto set = [&](const char* key, const char* value) {
            shop.settings.settings[key] = {std::string(value), "test.toml:3"};
        };
        set("token_url", "/token");
        set("auth_url", "/authorize");
        set("device_url", "/device");
        set("revoke_url", "/revoke");
        shop.settings.scopes = {"a"};
        https.answer = [this](const Sent& asked) { return answer(asked); };
    }
    http::Outcome answer(const Sent& asked) {
        if (asked.target == "/revoke") return https.reply(revoked_status, "");
        if (asked.target == "/device")
            return https.reply(
                200, R"({"device_code":"dc_test_1","user_code":"ABCD-EFGH",)"
                     R"("verification_uri":"https://shop.test/go","expires_in":600,"interval":5})");
        if (asked.body.find("device_code") != std::string::npos && polls_pending-- > 0)
            return https.reply(400, R"({"error":"authorization_pending"})");
        ++issued;
        return https.reply(200,
                           fmt::format(R"({{"access_token":"at_test_{0}","token_type":"bearer",)"
                                       R"("expires_in":3600,"refresh_token":"rt_new_{0}"}})",
                                       issued));
    }
    std::shared_ptr<sim::Wire> begin_login(const char* flow) {
        return send(admin + "Login",
                    {{"account", "shop/main"},
                     {"flows", {flow}},
                     {"redirect_uri", "http://127.0.0.1:4711/cb"}},
                    0, true);
    }
    object shown(const std::shared_ptr<sim::Wire>& wire) {
        const auto reply = taken(wire);
        BOOST_REQUIRE(reply.has_value());
        BOOST_TEST(reply->error == "");
        return reply->parameters;
    }
    std::string state_of(const object& show) {
        const std::string url(show.at("url").as_string());
        const auto at = url.find("state=") + 6;
        return url.substr(at, url.find("&", at) - at);
    }
    std::string finish(const object& show, const std::string& query) {
        return call(admin + "FinishLogin", {{"login", show.at("login")}, {"query", query}}).error;
    }
    std::string token() {
        const auto got = call(tokens + "GetToken", {{"account", "shop/main"}});
        if (!got.error.empty()) return got.error.substr(got.error.rfind('.') + 1);
        return std::string(got.parameters.at("token").at("token").as_string());
    }
    std::string grant() {
        for (const auto& [id, row] : disk.rows)
            if (const Secret* value = row.grant.find("refresh_token"))
                return std::string(value->view());
        return "";
    }
    int revoked_status = 200;
    int polls_pending = 0;
    int issued = 0;
};

}  // namespace tb::test
