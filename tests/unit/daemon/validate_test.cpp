// Tokens that their provider wants validated now and then, as Twitch does.
#include <boost/test/unit_test.hpp>

#include "tests/unit/daemon/bench.hpp"

using namespace tb;
using namespace tb::test;

namespace {

constexpr Millis one_hour{3'600'000};

struct Chat : Bench {
    Chat() {
        daemon::ClientConfig& chat = client("chat", "oauth2");
        chat.settings.settings["token_url"] = {std::string("/token"), "test.toml:3"};
        chat.settings.settings["validate_url"] = {std::string("/validate"), "test.toml:4"};
        account("chat/main", "oauth2");
        https.lifetime_s = 40'000;
        https.answer = [this](const Sent& asked) {
            if (asked.target == "/validate") return https.reply(status, "{}");
            return https.success();
        };
    }
    std::size_t validations() const {
        std::size_t count = 0;
        for (const Sent& one : https.sent)
            count += one.target == "/validate" ? 1 : 0;
        return count;
    }
    std::uint64_t generation() { return find("chat/main").slot.generation; }
    int status = 200;
};

BOOST_FIXTURE_TEST_CASE(a_token_is_validated_once_an_hour, Chat) {
    begin();
    pass(one_hour / 2);
    BOOST_TEST(generation() == 1U);
    BOOST_TEST(validations() == 0U);  // it has just come
    pass(one_hour * 2);
    BOOST_TEST(validations() == 2U);
    BOOST_TEST(https.sent.back().method == "GET");
    BOOST_TEST(generation() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_refused_token_is_renewed, Chat) {
    status = 401;
    begin();
    pass(one_hour + Millis{5'000});
    BOOST_TEST(validations() == 1U);
    BOOST_TEST(generation() == 2U);
    BOOST_TEST((find("chat/main").state == storage::GrantState::good));
}

BOOST_FIXTURE_TEST_CASE(other_trouble_says_nothing_of_the_token, Chat) {
    status = 503;
    begin();
    pass(one_hour + Millis{5'000});
    BOOST_TEST(validations() == 1U);
    pass(Millis{240'000});
    BOOST_TEST(validations() == 1U);
    pass(Millis{120'000});
    BOOST_TEST(validations() == 2U);
    BOOST_TEST(generation() == 1U);
    BOOST_TEST(call(tokens + "GetToken", {{"account", "chat/main"}}).error == "");
}

BOOST_FIXTURE_TEST_CASE(a_reload_can_end_it, Chat) {
    begin();
    pass(one_hour / 2);
    config.clients.at("chat").settings.settings.erase("validate_url");
    BOOST_TEST(call(admin + "Reload", {}).error == "");
    pass(one_hour * 3);
    BOOST_TEST(validations() == 0U);
}

}  // namespace
