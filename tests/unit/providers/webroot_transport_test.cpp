// Around Webroot's replies: breaker, Retry-After, redirects, and what the transport may do.
#include "tests/unit/providers/webroot_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

constexpr auto retry = FailureClass::retry;
constexpr auto config = FailureClass::config;
constexpr auto never = FailureClass::never;
constexpr auto ambiguous = FailureClass::ambiguous;

}  // namespace

BOOST_AUTO_TEST_CASE(only_trouble_of_the_origin_counts_for_it) {
    const auto counts = [](int status, std::string_view body) {
        Account a = webroot_account();
        return done<Failed>(answer(a, json_reply(status, body))).counts_for_origin;
    };
    BOOST_TEST(counts(503, ""));
    BOOST_TEST(counts(429, ""));
    BOOST_TEST(counts(502, ""));
    BOOST_TEST(!counts(400, R"({"error":"invalid_grant"})"));
    BOOST_TEST(!counts(401, R"({"error":"invalid_client"})"));
    BOOST_TEST(!counts(200, "{"));
}

BOOST_AUTO_TEST_CASE(retry_after_comes_along_relative_to_date) {
    Account a = webroot_account();
    const auto after = [&](int status, const Pairs& headers) {
        return done<Failed>(answer(a, reply(status, "", headers))).retry_after;
    };
    BOOST_TEST(after(503, {{"retry-after", "7"}})->count() == 7'000);
    BOOST_TEST(after(502, {{"retry-after", "7"}})->count() == 7'000);
    BOOST_TEST(after(429, {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                           {"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}})
                   ->count() == 30'000);
    BOOST_TEST(after(429, {{"retry-after", "99999999"}})->count() == 3'600'000);
    BOOST_TEST(!after(429, {{"retry-after", "-1"}}).has_value());
    BOOST_TEST(!after(400, {{"retry-after", "7"}}).has_value());
}

BOOST_AUTO_TEST_CASE(a_redirect_is_named_by_host_alone) {
    for (const int status : {301, 302, 307, 308}) {
        Account a = webroot_account();
        const auto f = done<Failed>(answer(
            a,
            reply(status, "", {{"location", "https://user:pw@evil.example/x?code=SECRET#frag"}})));
        BOOST_TEST((f.failure == never));
        BOOST_TEST(f.code == "redirect");
        BOOST_TEST(f.reason.find("evil.example") != std::string::npos);
        for (const char* hidden : {"SECRET", "user", "pw@", "frag"})
            BOOST_TEST(f.reason.find(hidden) == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(the_transport_fails) {
    Account a = webroot_account();
    const auto after = [&](FailureClass failure, bool was_sent, std::string code) {
        http::Failure lost{failure, was_sent, "https://x: it broke", std::move(code)};
        return done<Failed>(answer(a, std::move(lost)));
    };
    BOOST_TEST((after(retry, false, "connect").failure == retry));
    BOOST_TEST((after(ambiguous, true, "reset").failure == ambiguous));
    BOOST_TEST((after(retry, true, "reset").failure == ambiguous));  // it may be spent
    BOOST_TEST((after(config, false, "tls_verify").failure == config));
    BOOST_TEST(!after(config, false, "tls_verify").counts_for_origin);
    BOOST_TEST(after(retry, false, "connect").counts_for_origin);
    BOOST_TEST(!after(retry, false, "shutdown").counts_for_origin);
    BOOST_TEST(after(retry, false, "dns").code == "dns");
}
