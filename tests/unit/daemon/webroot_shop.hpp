// One account whose grant rotates with each renewal.
#pragma once

#include <string>
#include <utility>

#include "tests/unit/daemon/bench.hpp"

namespace tb::test {

struct WebrootShop : Bench {
    WebrootShop() {
        client("shop", "webroot");
        account("shop/main", "webroot");
    }
    std::string get(boost::json::object parameters = {}) {
        parameters["account"] = "shop/main";
        const auto reply = call(tokens + "GetToken", std::move(parameters));
        if (!reply.error.empty()) return reply.error.substr(reply.error.rfind('.') + 1);
        return std::string(reply.parameters.at("token").at("token").as_string());
    }
    http::Outcome refused() const { return https.reply(400, R"({"error":"invalid_grant"})"); }
    static http::Outcome lost() {
        http::Failure out;
        out.failure = FailureClass::ambiguous;
        out.sent = true;
        out.code = "reset";
        out.reason = "reset by peer";
        return out;
    }
};

}  // namespace tb::test
