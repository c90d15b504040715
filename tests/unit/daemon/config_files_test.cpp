// The files of the configuration: merging, order, trust, limits, default paths.
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "config_fixture.hpp"
#include "daemon/account_name.hpp"

using namespace tb;
using namespace tb::daemon;
using namespace tb::daemon::testing;

namespace {
const std::string rule = "[[access]]\naccounts = [\"shop/*\"]\nallow = [\"uid:1000\"]\n";
}  // namespace

BOOST_AUTO_TEST_CASE(conf_d_is_merged_in_the_order_of_names) {
    const ConfigFolder folder;
    folder.write("conf.d/20-b.toml", rule);
    folder.write("conf.d/10-a.toml", section + rule);
    folder.write("conf.d/.10-a.toml.swp", "not toml at all = = =");
    folder.write("conf.d/.hidden.toml", "not toml at all = = =");
    folder.write("conf.d/readme.txt", "not toml at all = = =");
    const ConfigResult got = folder.load("log_level = \"debug\"\n" + rule);
    BOOST_TEST(folder.shown(got.mistakes.lines) == "");
    BOOST_REQUIRE(got.config.access.size() == 3U);
    BOOST_TEST(got.config.access[0].place == folder.at("tokenbroker.toml:2"));
    BOOST_TEST(got.config.access[1].place == folder.at("conf.d/10-a.toml:4"));
    BOOST_TEST(got.config.access[2].place == folder.at("conf.d/20-b.toml:1"));
    BOOST_TEST(got.config.clients.at("shop").settings.place == folder.at("conf.d/10-a.toml:1"));
}

BOOST_AUTO_TEST_CASE(what_is_said_twice_names_both_places) {
    const ConfigFolder folder;
    folder.write("conf.d/a.toml", "log_level = \"info\"\n" + section);
    BOOST_TEST(folder.mistakes("log_level = \"debug\"\n" + section) ==
               "DIR/conf.d/a.toml:1: log_level is set already at DIR/tokenbroker.toml:1; keep one\n"
               "DIR/conf.d/a.toml:2: client \"shop\" is there already at DIR/tokenbroker.toml:2; "
               "keep one, or give this one another name");
}

BOOST_AUTO_TEST_CASE(every_mistake_of_every_file_is_reported_in_order) {
    const ConfigFolder folder;
    folder.write("conf.d/b.toml", "[[access]]\nallow = [\"uid:1\"]\n");
    folder.write("conf.d/a.toml", "x =");
    const std::string got = folder.mistakes(
        "exchanges_max = 0\n[clients.shop]\nprovider = \"config-test\"\npolicy = \"x\"\nodd = 1\n");
    BOOST_TEST(
        got ==
        "DIR/tokenbroker.toml:1: exchanges_max is 0; it must be from 1 to 1000\n"
        "DIR/tokenbroker.toml:2: clients.shop: base_url is missing\n"
        "DIR/tokenbroker.toml:4: clients.shop.policy is \"x\"; it must be one of: ahead, "
        "when_used, on_demand, static\n"
        "DIR/tokenbroker.toml:5: clients.shop: odd is not a key of mine\n"
        "DIR/conf.d/a.toml:1: not valid TOML: Error while parsing key-value pair: encountered "
        "end-of-file\n"
        "DIR/conf.d/b.toml:1: access.accounts names no account; write accounts = [\"shop/*\"]");
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_trusted_or_read_are_refused) {
    const ConfigFolder folder;
    const std::string main = folder.at("tokenbroker.toml");
    BOOST_TEST(folder.shown(load_config(main, true).mistakes.lines) ==
               "DIR/tokenbroker.toml: can't be read (No such file or directory); write it, make it "
               "readable, or name the right file");
    folder.write("tokenbroker.toml", "", 0602);
    BOOST_TEST(folder.shown(load_config(main, true).mistakes.lines) ==
               "DIR/tokenbroker.toml: can be written by others (mode 0602), and decides who gets "
               "tokens; run: chmod go-w DIR/tokenbroker.toml");
    folder.write("tokenbroker.toml", "", 0620);
    BOOST_TEST(load_config(main, true).mistakes.lines.size() == 1U);
    folder.write("tokenbroker.toml", "", 0644);
    BOOST_TEST(load_config(main, true).mistakes.lines.empty());

    folder.write("conf.d/a.toml", "", 0646);
    BOOST_TEST(folder.shown(load_config(main, true).mistakes.lines) ==
               "DIR/conf.d/a.toml: can be written by others (mode 0646), and decides who gets "
               "tokens; run: chmod go-w DIR/conf.d/a.toml");
    folder.write("conf.d/a.toml", "");
    BOOST_REQUIRE(chmod(folder.at("conf.d").c_str(), 0777) == 0);
    BOOST_TEST(folder.shown(load_config(main, true).mistakes.lines) ==
               "DIR/conf.d: can be written by others (mode 0777), and decides who gets tokens; "
               "run: chmod go-w DIR/conf.d");
    BOOST_REQUIRE(chmod(folder.at("conf.d").c_str(), 0755) == 0);
    BOOST_REQUIRE(chmod(folder.at("").c_str(), 0777) == 0);
    BOOST_TEST(load_config(main, true).mistakes.lines.size() == 1U);
    BOOST_REQUIRE(chmod(folder.at("").c_str(), 0700) == 0);

    std::filesystem::create_directory(folder.at("conf.d/b.toml"));
    BOOST_TEST(folder.shown(load_config(main, true).mistakes.lines) ==
               "DIR/conf.d/b.toml: is not a regular file; put a TOML file there");
    BOOST_TEST(mkfifo(folder.at("conf.d/c.toml").c_str(), 0600) == 0);
    BOOST_TEST(load_config(main, true).mistakes.lines.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_file_of_somebody_else_is_refused,
                     *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
                         return boost::test_tools::assertion_result(geteuid() == 0);
                     })) {
    const ConfigFolder folder;
    const std::string main = folder.write("tokenbroker.toml", "");
    BOOST_REQUIRE(chown(main.c_str(), 4711, 0) == 0);
    BOOST_TEST(folder.shown(load_config(main, true).mistakes.lines) ==
               "DIR/tokenbroker.toml: belongs to uid 4711, and decides who gets tokens; run: chown "
               "root DIR/tokenbroker.toml");
}

BOOST_AUTO_TEST_CASE(limits_of_files) {
    const ConfigFolder folder;
    BOOST_TEST(folder.mistakes(std::string(limits::config_file_bytes_max, '#')) == "");
    BOOST_TEST(folder.mistakes(std::string(limits::config_file_bytes_max + 1, '#')) ==
               "DIR/tokenbroker.toml: is larger than 1048576 bytes; split it into files in conf.d");
    folder.write("tokenbroker.toml", "");
    for (std::size_t i = 0; i < limits::config_files_max; ++i)
        folder.write("conf.d/" + std::to_string(i) + ".toml", "");
    BOOST_TEST(folder.mistakes("") == "");
    folder.write("conf.d/one-more.toml", "");
    BOOST_TEST(folder.mistakes("") ==
               "DIR/conf.d: has 257 .toml files; at most 256 are read, put more into each");
}

BOOST_AUTO_TEST_CASE(limits_of_rules_and_exchanges) {
    const ConfigFolder folder;
    std::string rules = section;
    for (std::size_t i = 0; i < limits::access_rules_max; ++i)
        rules += rule;
    BOOST_TEST(folder.mistakes(rules) == "");
    BOOST_TEST(
        folder.mistakes(rules + rule) ==
        "DIR/tokenbroker.toml:30004: more than 10000 access rules; use groups and wildcards");
    const int most = limits::exchanges_configurable_max;
    BOOST_TEST(folder.mistakes("exchanges_max = " + std::to_string(most)) == "");
    BOOST_TEST(folder.mistakes("exchanges_max = " + std::to_string(most + 1)) ==
               "DIR/tokenbroker.toml:1: exchanges_max is 1001; it must be from 1 to 1000");
}

BOOST_AUTO_TEST_CASE(default_paths) {
    const ConfigFolder folder;
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    setenv("XDG_STATE_HOME", "relative counts as unset", 1);
    setenv("XDG_CONFIG_HOME", "/xdg/config", 1);
    setenv("HOME", "/home/tester", 1);
    const Config user = folder.load("").config;
    BOOST_TEST(user.tokens_socket == "/run/user/7/tokenbroker/tokens.sock");
    BOOST_TEST(user.admin_socket == "/run/user/7/tokenbroker/admin.sock");
    BOOST_TEST(user.state_dir == "/home/tester/.local/state/tokenbroker");
    BOOST_TEST(user.admin_group == "");
    BOOST_TEST(default_config_file(true) == "/xdg/config/tokenbroker/tokenbroker.toml");
    BOOST_TEST(load_config("", true).config.main_file == default_config_file(true));
    unsetenv("XDG_RUNTIME_DIR");
    BOOST_TEST(folder.load("").config.tokens_socket ==
               "/run/user/" + std::to_string(geteuid()) + "/tokenbroker/tokens.sock");
    const Config system = folder.load("", false).config;
    BOOST_TEST(system.tokens_socket == "/run/tokenbroker/tokens.sock");
    BOOST_TEST(system.state_dir == "/var/lib/tokenbroker");
    BOOST_TEST(system.admin_group == "tokenbroker-admin");
    BOOST_TEST(default_config_file(false) == "/etc/tokenbroker/tokenbroker.toml");
}

BOOST_AUTO_TEST_CASE(account_names) {
    for (const char* good : {"shop/main", "a/b", "0-_/Z._@+-", "shop/alice@example.com"})
        BOOST_TEST(parse_account_name(good).has_value(), good);
    for (const char* bad : {"", "shop", "/", "shop/", "/main", "Shop/main", "-s/main", "shop/-x",
                            "shop/a/b", "shop/a b", "shop/a\n", "shop/*", "sh.op/main"})
        BOOST_TEST(!parse_account_name(bad).has_value(), bad);
    const std::string half(64, 'a');
    BOOST_TEST(parse_account_name(half + "/" + half.substr(1)).has_value());
    BOOST_TEST(!parse_account_name(half + "a/b").has_value());
    BOOST_TEST(parse_account_name("shop/main")->client == "shop");
    BOOST_TEST(parse_account_name("shop/main")->name == "main");

    const std::string longest = half + "/" + half;
    BOOST_TEST(longest.size() == limits::account_name_bytes_max + 1);
    BOOST_TEST(check_account_name(longest).error().message ==
               "account name \"" + half + "...\" is 129 bytes long; at most 128 are allowed");
    BOOST_TEST((check_account_name("x").error().code == errc::invalid_parameter));
    BOOST_TEST(check_account_name("x\x1b").error().message ==
               "\"x?\" is not an account name; write CLIENT/NAME, as shop/main: CLIENT is a "
               "[clients.CLIENT] section (a-z 0-9 _ -), NAME has letters, digits and . _ @ + -, at "
               "most 64 each");
    BOOST_TEST(check_account_name("shop/main").has_value());
}
