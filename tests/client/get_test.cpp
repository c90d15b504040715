// tb_get and tb_report_rejected against a daemon that answers well, badly, slowly or not at all.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <tokenbroker.hpp>

#include "tests/client/fake_daemon.hpp"
#include "tests/client/frames.hpp"

using namespace tb::test;

namespace {
struct Got {
    tb_token* token = nullptr;
    tb_failure failure{};
    tb_error error;
    long took_ms = 0;
    Got(const FakeDaemon& daemon, std::int64_t deadline_ms = 5'000) {
        tb_options options = TB_OPTIONS_INIT;
        options.socket = daemon.socket().c_str();
        options.deadline_ms = deadline_ms;
        const auto from = std::chrono::steady_clock::now();
        error = tb_get("shop/main", &options, &token, &failure);
        took_ms = static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::steady_clock::now() - from)
                                        .count());
    }
    ~Got() { tb_token_free(token); }
    Got(const Got&) = delete;
    Got& operator=(const Got&) = delete;
};
FakeDaemon::Answer always(std::string bytes) {
    return [bytes = std::move(bytes)](const std::string&) { return bytes; };
}
}  // namespace

BOOST_AUTO_TEST_CASE(gets_a_token) {
    FakeDaemon daemon(always(got(token_json(7))));
    const Got it(daemon, 10'000);
    BOOST_REQUIRE_MESSAGE(it.error == TB_OK, it.failure.reason);
    BOOST_TEST(it.failure.reason == "");
    BOOST_TEST(it.token->token == text_of(7));
    BOOST_TEST(it.token->token_bytes == text_of(7).size());
    BOOST_TEST(it.token->scopes[1] == "b c");
    const std::int64_t left = tb_token_remaining_ms(it.token);
    BOOST_TEST((left > 50'000 && left <= 60'000));
    // The daemon gives up before we do, so that its reason arrives.
    BOOST_TEST(daemon.last_call() ==
               R"({"method":"io.tokenbroker.tokens.GetToken","parameters":{"account":"shop/main",)"
               R"("timeout_ms":9750}})");
}

BOOST_AUTO_TEST_CASE(asks_for_what_it_is_told_to) {
    FakeDaemon daemon(always(got(token_json(7, -1))));
    const tb_pair pair{"user_id", "u1"};
    tb_options options = TB_OPTIONS_INIT;
    options.socket = daemon.socket().c_str();
    options.min_remaining_ms = 60'000;
    options.deadline_ms = 1;
    options.parameters = &pair;
    options.parameters_count = 1;
    options.deadline_ms = 400;
    const auto token = tokenbroker::get("shop/main", options);
    BOOST_REQUIRE(token);
    BOOST_TEST(token->view().remaining_ms() == INT64_MAX);
    BOOST_TEST(token->view().attribute("entity") == "E1");
    BOOST_TEST(token->view().attribute("none").empty());
    BOOST_TEST(daemon.last_call().find(R"("min_remaining_ms":60000,"timeout_ms":300,)"
                                       R"("parameters":{"user_id":"u1"}})") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(errors_of_the_daemon) {
    const std::string prefix = "io.tokenbroker.tokens.";
    const struct {
        std::string name, parameters;
        tb_error error;
        std::string reason;
        std::int64_t retry_after_ms, longest_ms;
    } rows[] = {
        {prefix + "LoginRequired", R"({"account":"shop/main","reason":"run: tokenbroker login"})",
         TB_E_LOGIN_REQUIRED, "run: tokenbroker login", 0, 0},
        {prefix + "UnknownAccount", R"({"account":"shop/main"})", TB_E_UNKNOWN_ACCOUNT,
         tb_strerror(TB_E_UNKNOWN_ACCOUNT), 0, 0},
        {prefix + "ProviderUnavailable", R"({"reason":"down","retry_after_ms":1500})",
         TB_E_PROVIDER_UNAVAILABLE, "down", 1'500, 0},
        {prefix + "LifetimeTooShort", R"({"longest_ms":299000})", TB_E_LIFETIME_TOO_SHORT,
         tb_strerror(TB_E_LIFETIME_TOO_SHORT), 0, 299'000},
        {"org.varlink.service.InvalidParameter", R"({"parameter":"account"})",
         TB_E_INVALID_PARAMETER, "account", 0, 0},
        {"com.example.Other", "null", TB_E_PROTOCOL, tb_strerror(TB_E_PROTOCOL), 0, 0},
    };
    FakeDaemon daemon(always(""));
    for (const auto& row : rows) {
        daemon.answer_with(always(failed(row.name, row.parameters)));
        const Got it(daemon);
        BOOST_TEST(it.error == row.error, row.name);
        BOOST_TEST(it.token == nullptr);
        BOOST_TEST(it.failure.reason == row.reason);
        BOOST_TEST(it.failure.retry_after_ms == row.retry_after_ms);
        BOOST_TEST(it.failure.longest_ms == row.longest_ms);
    }
}

BOOST_AUTO_TEST_CASE(answers_that_are_none) {
    const std::string secret = text_of(3);
    FakeDaemon daemon(always(""));
    for (const std::string& answer :
         {framed("garbage"), framed(""), framed("{}"), got(token_json(1, 60'000, "shop/other")),
          got(token_json(3, 0)), event("new_token", token_json(1)), framed(secret),
          got(token_json(3, 60'000, "shop/main", 16'385)), std::string(1024 * 1024, 'a')}) {
        daemon.answer_with(always(answer));
        const Got it(daemon);
        BOOST_TEST(it.error == TB_E_PROTOCOL, answer.substr(0, 100));
        BOOST_TEST(it.token == nullptr);
        BOOST_TEST(std::string(it.failure.reason).find("at_test") == std::string::npos);
    }
}

// The process was stopped while the answer lay in the socket.
BOOST_AUTO_TEST_CASE(an_answer_that_lay_unread) {
    const auto later = [](std::string token) {
        return [token = got(token)](const std::string&) {
            std::this_thread::sleep_for(std::chrono::milliseconds(600));
            return token;
        };
    };
    FakeDaemon daemon(always(""));
    daemon.answer_with(later(token_json(7, 500)));  // written just now
    BOOST_TEST(Got(daemon).error == TB_OK);
    daemon.answer_with(later(written_before(10'000, token_json(7, 60'000))));
    const Got shorter(daemon);
    BOOST_REQUIRE(shorter.error == TB_OK);
    BOOST_TEST(tb_token_remaining_ms(shorter.token) <= 59'400);  // since it was asked, no more
    daemon.answer_with(later(written_before(10'000, token_json(7, 500), 500)));
    const Got expired(daemon);
    BOOST_TEST(expired.error == TB_E_TIMED_OUT);
    BOOST_TEST(expired.token == nullptr);
}

// The largest token there is, in a frame of more than 64 KiB.
BOOST_AUTO_TEST_CASE(large_frames) {
    FakeDaemon daemon(always(""));
    for (const std::size_t padding : {0u, 64u * 1024, 200u * 1024}) {
        std::string token = token_json(7, 60'000, "shop/main", 16'384);
        token.insert(token.size() - 1, ",\"later\":\"" + std::string(padding, 'a') + '"');
        daemon.answer_with(always(got(token)));
        const Got it(daemon);
        BOOST_TEST(it.error == TB_OK, padding);
        BOOST_REQUIRE(it.token != nullptr);
        BOOST_TEST(it.token->token == text_of(7, 16'384));
    }
}

BOOST_AUTO_TEST_CASE(a_daemon_that_hangs_or_hangs_up) {
    FakeDaemon daemon(always(""));
    {
        const Got it(daemon, 200);
        BOOST_TEST(it.error == TB_E_TIMED_OUT);
        BOOST_TEST((it.took_ms >= 195 && it.took_ms < 2'000), it.took_ms);
    }
    daemon.answer_with(always(got(token_json(7)).substr(0, 60)));  // and no more
    {
        const Got it(daemon, 200);
        BOOST_TEST(it.error == TB_E_TIMED_OUT);
        BOOST_TEST((it.took_ms >= 195 && it.took_ms < 2'000), it.took_ms);
    }
    daemon.answer_with(always(FakeDaemon::hang_up_now));
    {
        const Got it(daemon);
        BOOST_TEST(it.error == TB_E_NO_DAEMON);
    }
    daemon.stop();
    const Got it(daemon);
    BOOST_TEST(it.error == TB_E_NO_DAEMON);
    BOOST_TEST(std::string(it.failure.reason) ==
               daemon.socket() + ": no such file: is tokenbrokerd running?");
}

// An answer that comes in drops counts against the same deadline.
BOOST_AUTO_TEST_CASE(an_answer_that_trickles) {
    FakeDaemon daemon(always(""));
    std::atomic<bool> done = false;
    std::thread drops([&] {
        while (!done) {
            daemon.push(" ");
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    });
    const Got it(daemon, 300);
    done = true;
    drops.join();
    BOOST_TEST(it.error == TB_E_TIMED_OUT);
    BOOST_TEST((it.took_ms >= 295 && it.took_ms < 2'000), it.took_ms);
}

BOOST_AUTO_TEST_CASE(arguments) {
    FakeDaemon daemon(always(got(token_json(7))));
    tb_token* token = nullptr;
    tb_options options = TB_OPTIONS_INIT;
    options.socket = daemon.socket().c_str();
    const std::string long_name(129, 'a'), long_path(108, '/');
    for (const char* account :
         {static_cast<const char*>(nullptr), "", "a b", "a\n", long_name.c_str()})
        BOOST_TEST(tb_get(account, &options, &token, nullptr) == TB_E_INVALID_ARGUMENT);
    BOOST_TEST(tb_get("shop/main", &options, nullptr, nullptr) == TB_E_INVALID_ARGUMENT);
    const auto refuses = [&](auto change) {
        tb_options changed = options;
        change(changed);
        tb_failure failure{};
        BOOST_TEST(tb_get("shop/main", &changed, &token, &failure) == TB_E_INVALID_ARGUMENT);
        BOOST_TEST(failure.reason != "");
    };
    const tb_pair broken{"a", nullptr};
    const std::string large(20'000, 'a');
    const tb_pair too_large{"a", large.c_str()};
    refuses([](tb_options& o) { o.struct_bytes = 0; });
    refuses([](tb_options& o) { o.deadline_ms = -1; });
    refuses([](tb_options& o) { o.deadline_ms = 300'001; });
    refuses([](tb_options& o) { o.min_remaining_ms = -1; });
    refuses([](tb_options& o) { o.parameters_count = 1; });
    refuses([](tb_options& o) { o.parameters_count = 9; });
    refuses([&](tb_options& o) { o.parameters = &broken, o.parameters_count = 1; });
    refuses([&](tb_options& o) { o.parameters = &too_large, o.parameters_count = 1; });
    refuses([&](tb_options& o) { o.socket = long_path.c_str(); });
    BOOST_TEST(tb_report_rejected("shop/main", -1, &options, nullptr, nullptr) ==
               TB_E_INVALID_ARGUMENT);
    BOOST_TEST(daemon.calls() == 0);
    tb_token_free(nullptr);
}

BOOST_AUTO_TEST_CASE(reports_a_refused_token) {
    FakeDaemon daemon(always(framed(R"({"parameters":{"renewal_started":true}})")));
    tb_options options = TB_OPTIONS_INIT;
    options.socket = daemon.socket().c_str();
    const auto started = tokenbroker::report_rejected("shop/main", 7, options);
    BOOST_REQUIRE(started);
    BOOST_TEST(*started);
    BOOST_TEST(daemon.last_call() ==
               R"({"method":"io.tokenbroker.tokens.ReportRejected","parameters":)"
               R"({"account":"shop/main","generation":7}})");
    daemon.answer_with(always(framed("{}")));
    BOOST_TEST(tokenbroker::report_rejected("shop/main", 7, options).error().code == TB_E_PROTOCOL);
}

// As the tokenbroker command does: the variable, then the user's socket if it is there.
BOOST_AUTO_TEST_CASE(finds_the_socket) {
    FakeDaemon daemon(always(got(token_json(7))));
    const std::string run = daemon.socket() + ".run";
    ::mkdir(run.c_str(), 0700);
    ::mkdir((run + "/tokenbroker").c_str(), 0700);
    const std::string user = run + "/tokenbroker/tokens.sock";
    tb_token* token = nullptr;
    tb_failure failure{};
    ::setenv("XDG_RUNTIME_DIR", run.c_str(), 1);
    ::setenv("TOKENBROKER_SOCKET", daemon.socket().c_str(), 1);
    BOOST_TEST(tb_get("shop/main", nullptr, &token, &failure) == TB_OK);
    tb_token_free(token);
    ::setenv("TOKENBROKER_SOCKET", "", 1);
    BOOST_TEST(::symlink(daemon.socket().c_str(), user.c_str()) == 0);
    BOOST_TEST(tb_get("shop/main", nullptr, &token, &failure) == TB_OK);
    tb_token_free(token);
    ::unlink(user.c_str());
    if (::access("/run/tokenbroker/tokens.sock", F_OK) != 0) {
        BOOST_TEST(tb_get("shop/main", nullptr, &token, &failure) == TB_E_NO_DAEMON);
        BOOST_TEST(std::string(failure.reason).find("/run/tokenbroker/tokens.sock: ") == 0u);
    }
    ::rmdir((run + "/tokenbroker").c_str());
    ::rmdir(run.c_str());
    ::unsetenv("TOKENBROKER_SOCKET");
    ::unsetenv("XDG_RUNTIME_DIR");
}
