// Device authorization: vectors 8, 9 and 11, the ends it can come to, lost polls.
#include "providers/oauth2_login.hpp"
#include "tests/unit/providers/oauth2_account.hpp"

using namespace tb;
using namespace tb::test;
using namespace tb::providers;

namespace {

Account account() {
    Account a = oauth2_account();
    put(a, "device_url", "https://id.example.com/device");
    put(a, "client_auth", "none");
    a.client.scopes = {"a", "b"};
    return a;
}
std::string device_reply(const std::string& more) {
    return R"({"device_code":"dc_test_1","user_code":"WDJB-MJHT","expires_in":900)" + more + "}";
}
const std::string uri = R"(,"verification_uri":"https://id.example.com/go")";
const std::string tokens = R"({"access_token":"at_test","token_type":"bearer","expires_in":60,)"
                           R"("refresh_token":"rt_test_1"})";
http::Outcome error(std::string_view code, int status = 400) {
    return json_reply(status, R"({"error":")" + std::string(code) + "\"}");
}

// Up to the first Pause.
struct Polling {
    Account a;
    LoginRun login;
    std::int64_t wait_ms = 0;

    explicit Polling(Account from, const std::string& more = uri)
        : a(std::move(from)), login(a, generic(), {LoginFlow::device, "", {}}) {
        (void)expect<Send>(login->start());
        (void)expect<Show>(login->resume(json_reply(200, device_reply(more))));
        wait_ms = expect<Pause>(login->shown("")).wait.count();
    }
    LoginStep poll(http::Outcome outcome) {
        (void)expect<Send>(login->waited());
        return login->resume(std::move(outcome));
    }
    std::int64_t pause_after(http::Outcome outcome) {
        return expect<Pause>(poll(std::move(outcome))).wait.count();
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(device_login_vector_8) {
    Account a = account();
    BOOST_TEST((generic().login_flows(a.client) == std::vector{LoginFlow::device}));
    LoginRun login(a, generic(), {LoginFlow::device, "", {}});
    const auto ask = expect<Send>(login->start());
    BOOST_TEST(ask.request.target.view() == "/device");
    BOOST_TEST(ask.request.body.view() == "client_id=myTestApp&scope=a+b");
    const auto show = expect<Show>(login->resume(
        json_reply(200, device_reply(uri + R"(,"interval":5,"verification_uri_complete":)"
                                           R"("https://id.example.com/go?user_code=WDJB-MJHT")"))));
    BOOST_TEST(show.url == "https://id.example.com/go");
    BOOST_TEST(show.complete_url == "https://id.example.com/go?user_code=WDJB-MJHT");
    BOOST_TEST(show.user_code == "WDJB-MJHT");
    BOOST_TEST(show.expires_in.count() == 900'000);
    std::vector<std::int64_t> waits;
    const auto wait = [&](LoginStep step) {
        waits.push_back(expect<Pause>(std::move(step)).wait.count());
    };
    wait(login->shown(""));
    const auto poll = expect<Send>(login->waited());
    BOOST_TEST(poll.request.target.view() == "/oauth2/token");
    BOOST_TEST(poll.request.body.view() ==
               "client_id=myTestApp&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3A"
               "device_code&device_code=dc_test_1");
    wait(login->resume(error("authorization_pending")));
    (void)expect<Send>(login->waited());
    wait(login->resume(error("slow_down")));
    (void)expect<Send>(login->waited());
    wait(login->resume(error("authorization_pending")));
    (void)expect<Send>(login->waited());
    const auto minted = ended<Minted>(login->resume(json_reply(200, tokens)));
    const std::vector<std::int64_t> expected = {5'000, 5'000, 10'000, 10'000};
    BOOST_TEST(waits == expected, boost::test_tools::per_element());
    BOOST_TEST(minted.new_grant->find("refresh_token")->view() == "rt_test_1");
}

BOOST_AUTO_TEST_CASE(device_interval_vector_9) {
    const auto first = [](const std::string& more) {
        return Polling(account(), uri + more).wait_ms;
    };
    BOOST_TEST(first("") == 5'000);
    BOOST_TEST(first(R"(,"interval":0)") == 1'000);
    BOOST_TEST(first(R"(,"interval":7)") == 7'000);
    BOOST_TEST(first(R"(,"interval":"7")") == 7'000);
    for (const char* odd : {"-3", "1e400", "null", "\"x\"", "true"})
        BOOST_TEST(first(",\"interval\":" + std::string(odd)) == 5'000, odd);
    BOOST_TEST(first(R"(,"interval":100000)") == 300'000);
}

BOOST_AUTO_TEST_CASE(device_replies_vector_11) {
    const auto after = [](int status, const std::string& body) {
        Account a = account();
        LoginRun login(a, generic(), {LoginFlow::device, "", {}});
        (void)expect<Send>(login->start());
        return login->resume(json_reply(status, body));
    };
    BOOST_TEST(
        expect<Show>(after(200, device_reply(R"(,"verification_url":"https://g.example/d")")))
            .url == "https://g.example/d");
    const auto dropped = expect<Show>(
        after(200, device_reply(uri + R"(,"verification_uri_complete":"javascript:x")")));
    BOOST_TEST(dropped.complete_url == "");
    const std::string deep = "{\"x\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}";
    for (const std::string& bad :
         {device_reply(""), device_reply(R"(,"verification_uri":"http://g.example/d")"),
          device_reply(R"(,"verification_uri":"https://g.example/\u001b[2J")"),
          device_reply(R"(,"verification_uri":7)"), device_reply(uri + R"(,"device_code":"x")"),
          R"({"device_code":"dc\n","user_code":"A")" + uri + "}",
          R"({"device_code":"dc","user_code":"A\u0007")" + uri + "}",
          R"({"device_code":"dc","user_code":")" + std::string(65, 'A') + "\"" + uri + "}",
          std::string("[]"), std::string("{"), deep})
        BOOST_TEST(ended<Failed>(after(200, bad)).code == "bad_schema");
    BOOST_TEST(ended<Failed>(after(400, R"({"error":"invalid_scope"})")).code == "invalid_scope");
    BOOST_TEST(ended<Failed>(after(404, "")).code == "http_404");
    BOOST_TEST((ended<Failed>(after(503, "")).failure == FailureClass::retry));
    BOOST_TEST(expect<Show>(after(200, R"({"device_code":"dc","user_code":"A")" + uri + "}"))
                   .expires_in.count() == 900'000);
}

BOOST_AUTO_TEST_CASE(device_logins_that_end_without_a_token) {
    const auto end = [](http::Outcome outcome) {
        Polling polling(account());
        return ended<Failed>(polling.poll(std::move(outcome)));
    };
    BOOST_TEST(end(error("access_denied")).code == "access_denied");
    BOOST_TEST(end(error("authorization_declined")).code == "access_denied");  // Entra's word
    BOOST_TEST(end(error("expired_token")).code == "expired_token");
    BOOST_TEST(end(error("invalid_grant")).code == "invalid_grant");
    BOOST_TEST(end(error("invalid_client", 401)).code == "invalid_client");
    BOOST_TEST(end(json_reply(200, R"({"access_token":"at_test"})")).code == "no_refresh_token");
    BOOST_TEST(end(json_reply(400, "{\"error\":{\"code\":\"slow_down\"}}")).code ==
               "unknown_error");
    http::Failure tls{FailureClass::config, false, "https://x: certificate", "tls_verify"};
    BOOST_TEST((end(tls).failure == FailureClass::config));
    http::Failure stop{FailureClass::retry, false, "stopping", "shutdown"};
    BOOST_TEST(end(stop).code == "shutdown");
    Polling late(account());
    late.a.clock.boot = boot_from_ms(900'000 + 900'000);  // sent at 900 s, good for 900 s
    const auto expired = ended<Failed>(late.login->waited());
    BOOST_TEST(expired.code == "expired_token");
    BOOST_TEST(!has(expired.reason, "dc_test"));
    Polling other(account());
    BOOST_TEST(ended<Failed>(other.login->shown("")).code == "wrong_step");
}

BOOST_AUTO_TEST_CASE(lost_polls_are_repeated_half_as_often) {
    Polling polling(account());
    http::Failure timeout{FailureClass::ambiguous, true, "https://x: timeout", "timeout"};
    BOOST_TEST(polling.pause_after(timeout) == 10'000);
    BOOST_TEST(polling.pause_after(timeout) == 20'000);
    BOOST_TEST(polling.pause_after(error("authorization_pending")) == 20'000);
    BOOST_TEST(polling.pause_after(reply(503, "", {})) == 40'000);
    BOOST_TEST(polling.pause_after(reply(429, "", {{"retry-after", "120"}})) == 120'000);
    (void)ended<Minted>(polling.poll(json_reply(200, tokens)));
}

BOOST_AUTO_TEST_CASE(device_login_at_google_and_twitch) {
    Account google = preset_account("google");
    google.client.scopes = {"email"};
    {
        LoginRun login(google, generic(), {LoginFlow::device, "", {}});
        const auto ask = expect<Send>(login->start());
        BOOST_TEST(ask.request.origin == "https://oauth2.googleapis.com");
        BOOST_TEST(ask.request.body.view() == "client_id=myTestApp&scope=email");  // no secret
        (void)expect<Show>(login->resume(json_reply(
            200, device_reply(R"(,"verification_url":"https://www.google.com/device")"))));
        BOOST_TEST(expect<Pause>(login->shown("")).wait.count() == 5'000);
        const auto poll = expect<Send>(login->waited());
        BOOST_TEST(has(poll.request.body.view(), "client_secret=cs_test_1"));  // needed here
        BOOST_TEST(expect<Pause>(login->resume(error("authorization_pending", 428))).wait.count() ==
                   5'000);
        (void)login->waited();
        BOOST_TEST(expect<Pause>(login->resume(error("slow_down", 403))).wait.count() == 10'000);
    }
    Account twitch = preset_account("twitch");
    twitch.client.scopes = {"chat:read", "bits:read"};
    LoginRun login(twitch, generic(), {LoginFlow::device, "", {}});
    const auto ask = expect<Send>(login->start());
    BOOST_TEST(ask.request.body.view() == "client_id=myTestApp&scopes=chat%3Aread+bits%3Aread");
    (void)expect<Show>(login->resume(json_reply(200, device_reply(uri))));
    (void)login->shown("");
    const auto poll = expect<Send>(login->waited());
    BOOST_TEST(poll.request.body.view().ends_with("&scopes=chat%3Aread+bits%3Aread"));
    BOOST_TEST(expect<Pause>(login->resume(json_reply(
                                 400, R"({"status":400,"message":"authorization_pending"})")))
                   .wait.count() == 5'000);
    (void)login->waited();
    const auto gone = ended<Failed>(
        login->resume(json_reply(400, R"({"status":400,"message":"invalid device code"})")));
    BOOST_TEST((gone.failure == FailureClass::reauth));
}

BOOST_AUTO_TEST_CASE(device_login_with_a_secret_and_parameters) {
    Account a = account();
    put(a, "client_auth", "basic");
    put(a, "device_params", Table{{"audience", "x"}});
    LoginRun login(a, generic(), {LoginFlow::device, "", {}});
    const auto ask = expect<Send>(login->start());
    BOOST_TEST(header(ask.request, "Authorization").starts_with("Basic "));
    BOOST_TEST(ask.request.body.view() == "scope=a+b&audience=x");
    a.client.settings.erase("device_url");
    LoginRun blind(a, generic(), {LoginFlow::device, "", {}});
    BOOST_TEST(has(ended<Failed>(blind->start()).reason, "device_url"));
}
