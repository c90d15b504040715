// Durations, words of the command line, and the command line as a whole.
#include "cli/words.hpp"

#include <boost/test/unit_test.hpp>
#include <variant>

#include "cli/arguments.hpp"
#include "cli/json.hpp"

using namespace tb::cli;

BOOST_AUTO_TEST_CASE(durations) {
    const auto ms = [](std::string_view text) { return parse_duration(text).value_or(-1); };
    BOOST_TEST(ms("60s") == 60'000);
    BOOST_TEST(ms("5m") == 300'000);
    BOOST_TEST(ms("2h") == 7'200'000);
    BOOST_TEST(ms("1d") == 86'400'000);
    BOOST_TEST(ms("500ms") == 500);
    BOOST_TEST(ms("90") == 90'000);
    BOOST_TEST(ms("0") == 0);
    BOOST_TEST(ms("1h30m") == 5'400'000);
    BOOST_TEST(ms("1m500ms") == 60'500);
    for (const char* wrong : {"", "s", "5x", "-1s", "1.5s", " 1s", "1s ", "1m1h", "1s1s", "1h30",
                              "99999999999999s", "3651d", "999999999999d"})
        BOOST_TEST(ms(wrong) == -1, wrong);
    BOOST_TEST(ms("3650d") == std::int64_t{3650} * 86'400'000);
}

BOOST_AUTO_TEST_CASE(durations_for_people) {
    BOOST_TEST(format_duration(-5) == "0s");
    BOOST_TEST(format_duration(0) == "0s");
    BOOST_TEST(format_duration(450) == "0.4s");
    BOOST_TEST(format_duration(9'900) == "9.9s");
    BOOST_TEST(format_duration(42'900) == "42s");
    BOOST_TEST(format_duration(299'000) == "4m59s");
    BOOST_TEST(format_duration(3'600'000 * 3 + 60'000 * 7) == "3h07m");
    BOOST_TEST(format_duration(std::int64_t{86'400'000} * 13 + 3'600'000 * 4) == "13d4h");
}

BOOST_AUTO_TEST_CASE(pairs_and_names) {
    BOOST_REQUIRE(split_pair("A=b/c=d").has_value());
    BOOST_TEST(split_pair("A=b/c=d")->second == "b/c=d");
    for (const char* wrong : {"", "=", "A=", "=b", "Ab"})
        BOOST_TEST(!split_pair(wrong), wrong);
    BOOST_TEST(is_variable_name("_A1"));
    for (const char* wrong : {"", "1A", "A-B", "A B", "\xc3\xa4"})
        BOOST_TEST(!is_variable_name(wrong), wrong);
}

namespace {

Answer<Invocation> parse(std::vector<std::string> words) {
    return parse_arguments(std::move(words));
}
int usage_code(std::vector<std::string> words) {
    const auto parsed = parse_arguments(std::move(words));
    return parsed ? 0 : static_cast<int>(parsed.error().code);
}

}  // namespace

BOOST_AUTO_TEST_CASE(get_with_everything) {
    const auto parsed =
        parse({"get", "shop/main", "--min-remaining", "60s", "--timeout", "1m", "--param",
               "user_id=u=1", "--param", "a=b", "--socket", "/s", "--json"});
    BOOST_REQUIRE(parsed.has_value());
    const Get& get = std::get<Get>(*parsed->command);
    BOOST_TEST(get.account == "shop/main");
    BOOST_TEST(*get.wish.min_remaining_ms == 60'000);
    BOOST_TEST(get.wish.timeout_ms == 60'000);
    BOOST_REQUIRE(get.wish.parameters.size() == 2U);
    BOOST_TEST(get.wish.parameters[0].second == "u=1");
    BOOST_TEST(parsed->common.socket == "/s");
    BOOST_TEST(parsed->common.json);
}

BOOST_AUTO_TEST_CASE(exec_leaves_the_command_alone) {
    const auto parsed = parse({"--socket", "/s", "exec", "A=shop/main", "B=x/y", "--timeout", "3s",
                               "--", "cmd", "--json", "--", "-h"});
    BOOST_REQUIRE(parsed.has_value());
    const Exec& exec = std::get<Exec>(*parsed->command);
    BOOST_REQUIRE(exec.variables.size() == 2U);
    BOOST_TEST(exec.variables[1].second == "x/y");
    BOOST_TEST(exec.wish.timeout_ms == 3'000);
    const std::vector<std::string> command{"cmd", "--json", "--", "-h"};
    BOOST_TEST(exec.command == command, boost::test_tools::per_element());
    BOOST_TEST(!parsed->common.json);
}

BOOST_AUTO_TEST_CASE(account_add) {
    const auto parsed = parse({"account", "add", "shop/main", "--secret-file", "a=/f", "--field",
                               "b", "--attribute", "k=v", "--replace", "--no-wait"});
    BOOST_REQUIRE(parsed.has_value());
    const AccountAdd& add = std::get<AccountAdd>(*parsed->command);
    BOOST_TEST(add.account == "shop/main");
    BOOST_TEST(add.secret_files.at(0).second == "/f");
    BOOST_TEST(add.field == "b");
    BOOST_TEST(add.attributes.at(0).first == "k");
    BOOST_TEST(add.replace);
    BOOST_TEST(add.wait_ms == 0);
}

BOOST_AUTO_TEST_CASE(mistakes_in_usage) {
    BOOST_TEST(usage_code({}) == 2);
    BOOST_TEST(usage_code({"nosuch"}) == 2);
    BOOST_TEST(usage_code({"get"}) == 2);
    BOOST_TEST(usage_code({"get", "a/b", "c/d"}) == 2);
    BOOST_TEST(usage_code({"get", "a/b", "--timeout", "soon"}) == 2);
    BOOST_TEST(usage_code({"get", "a/b", "--param", "x"}) == 2);
    BOOST_TEST(usage_code({"account"}) == 2);
    BOOST_TEST(usage_code({"account", "add"}) == 2);
    BOOST_TEST(usage_code({"explain", "a/b", "--uid", "root"}) == 2);
    BOOST_TEST(usage_code({"exec", "A=b/c"}) == 125);
    BOOST_TEST(usage_code({"exec", "--", "true"}) == 125);
    BOOST_TEST(usage_code({"exec", "1A=b/c", "--", "true"}) == 125);
    BOOST_TEST(usage_code({"exec", "A", "--", "true"}) == 125);
    BOOST_TEST(usage_code({"exec", "--nosuch", "A=b/c", "--", "true"}) == 125);
}

BOOST_AUTO_TEST_CASE(help_has_examples) {
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"get", "-h"},
                                               {"account", "add", "--help"},
                                               {"exec", "--help"},
                                               {"reload", "--help"}}) {
        const auto parsed = parse(words);
        BOOST_REQUIRE(parsed.has_value());
        BOOST_TEST(!parsed->command.has_value());
        BOOST_TEST(parsed->text.find("Examples:\n  tokenbroker ") != std::string::npos);
    }
    BOOST_TEST(parse({"--version"})->text.starts_with("tokenbroker "));
}
