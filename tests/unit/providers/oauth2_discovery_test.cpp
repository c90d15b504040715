// Endpoints from an issuer's document: both places, the issuer's name, what is configured wins.
#include "tests/unit/providers/oauth2_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

const std::string issuer = "https://id.example.com/tenant1";

Account discovering(const std::string& name = issuer) {
    Account a = oauth2_account();
    a.client.settings.clear();
    put(a, "issuer", name);
    return a;
}

std::string document(const std::string& more, const std::string& name = issuer) {
    return R"({"issuer":")" + name + "\"" + more + "}";
}
const std::string endpoints = R"(,"token_endpoint":"https://api.example.com/token?x=1",)"
                              R"("revocation_endpoint":"https://api.example.com/revoke")";

Failed refused(Account a, http::Outcome outcome) {
    auto exchange = a.begin(generic());
    (void)sent(exchange->start());
    return done<Failed>(exchange->resume(std::move(outcome)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(discovery_then_the_grant) {
    Account a = discovering();
    BOOST_TEST(all_mistakes(generic().check(a.client)) == "");
    BOOST_TEST(generic().origin(a.client) == "https://id.example.com");
    auto exchange = a.begin(generic());
    const http::Request first = sent(exchange->start());
    BOOST_TEST(first.method == "GET");
    BOOST_TEST(first.origin == "https://id.example.com");
    BOOST_TEST(first.target.view() == "/.well-known/oauth-authorization-server/tenant1");
    BOOST_TEST(first.body.empty());
    BOOST_TEST(header(first, "Authorization") == "");
    BOOST_TEST(!first.spends_grant);
    const http::Request second = sent(exchange->resume(json_reply(200, document(endpoints))));
    BOOST_TEST(second.origin == "https://api.example.com");
    BOOST_TEST(second.target.view() == "/token?x=1");
    BOOST_TEST(second.spends_grant);
    (void)done<Minted>(exchange->resume(
        json_reply(200, R"({"access_token":"at_test","token_type":"bearer","expires_in":9})")));
}

BOOST_AUTO_TEST_CASE(discovery_at_openid_connects_place) {
    std::vector<http::Reply> nothing;
    nothing.push_back(reply(404, "", {}));
    nothing.push_back(reply(200, "<html>", {{"content-type", "text/html"}}));
    nothing.push_back(json_reply(200, "[]"));
    nothing.push_back(reply(302, "", {{"location", "https://evil.example/"}}));
    nothing.push_back(
        json_reply(200, "{\"x\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}"));
    for (http::Reply& one : nothing) {
        Account a = discovering();
        auto exchange = a.begin(generic());
        (void)sent(exchange->start());
        const http::Request second = sent(exchange->resume(std::move(one)));
        BOOST_TEST(second.origin == "https://id.example.com");
        BOOST_TEST(second.target.view() == "/tenant1/.well-known/openid-configuration");
        const http::Request third = sent(exchange->resume(json_reply(200, document(endpoints))));
        BOOST_TEST(third.target.view() == "/token?x=1");
    }
    Account a = discovering();
    auto exchange = a.begin(generic());
    (void)sent(exchange->start());
    (void)sent(exchange->resume(reply(404, "", {})));
    const auto f = done<Failed>(exchange->resume(reply(404, "", {})));
    BOOST_TEST((f.failure == FailureClass::config));
    BOOST_TEST(has(f.reason, "discovery at " + issuer));
}

BOOST_AUTO_TEST_CASE(a_document_of_another_issuer_is_refused) {
    for (const char* other : {"https://evil.example", "https://id.example.com/tenant1/",
                              "https://ID.example.com/tenant1", "rt_test_old"}) {
        const Failed f = refused(discovering(), json_reply(200, document(endpoints, other)));
        BOOST_TEST((f.failure == FailureClass::config));
        BOOST_TEST(f.code == "issuer_mismatch");
        BOOST_TEST(has(f.reason, issuer));
        BOOST_TEST(!has(f.reason, "rt_test_old"));
        if (std::string_view(other) != "rt_test_old") BOOST_TEST(has(f.reason, other));
    }
    for (const char* none : {R"({"token_endpoint":"https://x.example/"})", R"({"issuer":7})",
                             R"({"issuer":"https://id.example.com/tenant1","issuer":"x"})"})
        BOOST_TEST(refused(discovering(), json_reply(200, none)).code == "issuer_mismatch");
}

BOOST_AUTO_TEST_CASE(endpoints_that_are_no_use) {
    for (const char* bad :
         {"", R"(,"token_endpoint":"http://id.example.com/token")", R"(,"token_endpoint":"/token")",
          R"(,"token_endpoint":7)", R"(,"token_endpoint":"https://u:p@id.example.com/")"}) {
        const Failed f = refused(discovering(), json_reply(200, document(bad)));
        BOOST_TEST((f.failure == FailureClass::config));
        BOOST_TEST(f.code == "no_endpoint");
    }
    BOOST_TEST((refused(discovering(), reply(503, "", {})).failure == FailureClass::retry));
    BOOST_TEST((refused(discovering(), reply(502, "", {})).failure == FailureClass::retry));
    http::Failure lost{FailureClass::ambiguous, true, "https://x: reset", "reset"};
    BOOST_TEST((refused(discovering(), lost).failure == FailureClass::retry));  // spends nothing
}

BOOST_AUTO_TEST_CASE(what_is_configured_wins) {
    Account a = discovering();
    put(a, "token_url", "https://own.example.com/token");
    BOOST_TEST(first_request(a).target.view() == "/token");  // no discovery at all
    BOOST_TEST(generic().traits(a.client).revokes);
    auto exchange = a.begin(generic(), Purpose::revoke);
    BOOST_TEST(has(sent(exchange->start()).target.view(), ".well-known"));
    BOOST_TEST(sent(exchange->resume(json_reply(200, document(endpoints)))).target.view() ==
               "/revoke");
    put(a, "revoke_url", "https://own.example.com/revoke");
    const http::Request r = first_request(a, Purpose::revoke);
    BOOST_TEST(r.origin == "https://own.example.com");

    Account plain = discovering("https://id.example.com");
    BOOST_TEST(first_request(plain).target.view() == "/.well-known/oauth-authorization-server");
}
