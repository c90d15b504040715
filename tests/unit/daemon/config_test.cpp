// The configuration: each kind of mistake with its exact text, the merging of files, the values of
// a right one.
#define BOOST_TEST_MODULE daemon
#include "daemon/config.hpp"

#include <boost/test/unit_test.hpp>

#include "config_fixture.hpp"
#include "daemon/config_values.hpp"

using namespace tb;
using namespace tb::daemon;
using namespace tb::daemon::testing;

BOOST_AUTO_TEST_CASE(a_right_configuration_has_its_values) {
    const ConfigFolder folder;
    const std::string ca =
        folder.write("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    const std::string secret = folder.write("shop.secret", "cs_test_1");
    const ConfigResult got = folder.load(folder.placed(R"(
state_dir = "/var/lib/other"
exchanges_max = 32
exchanges_per_origin_max = 4
proxy = "http://proxy.example.com:3128"
no_proxy = [".example.com", "192.0.2.7"]
log_level = "debug"
[clients.shop]
provider = "config-test"
base_url = "https://a.example"
client_id = "client_Ab12@example.com"
scopes = ["ecom.shop"]
client_secret = { file = "DIR/shop.secret" }
ca_file = "DIR/ca.pem"
policy = "when_used"
ambiguous_retry = "defer"
probe = true
strict = true
allow_loopback_http = true
flavour = "salt"
[[access]]
accounts = ["shop/*"]
allow = ["uid:1000", { uid = 1001, exe = "/bin/sh" }]
)"));
    BOOST_TEST(folder.shown(got.mistakes.lines) == "");
    BOOST_TEST(folder.shown(got.mistakes.warnings) == "");
    BOOST_TEST(got.config.state_dir == "/var/lib/other");
    BOOST_TEST(got.config.exchanges_max == 32);
    BOOST_TEST(got.config.exchanges_per_origin_max == 4);
    BOOST_TEST(got.config.log_level == "debug");
    BOOST_TEST(got.config.no_proxy.size() == 2U);
    const ClientConfig* shop = find_client(got.config, "shop/main");
    BOOST_REQUIRE(shop != nullptr);
    BOOST_TEST(find_client(got.config, "other/main") == nullptr);
    BOOST_TEST(find_client(got.config, "shop") == nullptr);
    BOOST_TEST((shop->provider != nullptr));
    BOOST_TEST(shop->settings.base_url == "https://a.example");
    BOOST_TEST(*shop->settings.get<std::string>("flavour") == "salt");
    BOOST_TEST(shop->settings.settings.at("flavour").place == folder.at("tokenbroker.toml:20"));
    BOOST_TEST((shop->secrets.at("client_secret").kind == SecretSource::Kind::file));
    BOOST_TEST(shop->secrets.at("client_secret").where == secret);
    BOOST_TEST(shop->ca_file == ca);
    BOOST_TEST((shop->policy == providers::Policy::when_used));
    BOOST_TEST((shop->ambiguous_retry == AmbiguousRetry::defer));
    BOOST_TEST((shop->operator_probe_daily && shop->strict && shop->settings.allow_loopback_http));
    BOOST_REQUIRE(got.config.access.size() == 1U);
    BOOST_REQUIRE(got.config.access[0].allow.size() == 2U);
    BOOST_TEST((got.config.access[0].allow[0].uid == uid_t{1000}));
    BOOST_TEST(got.config.access[0].allow[1].exe.has_value());
    BOOST_TEST(got.config.access[0].place == folder.at("tokenbroker.toml:21"));
}

BOOST_AUTO_TEST_CASE(mistakes_at_the_top) {
    const ConfigFolder folder;
    check_all(
        folder,
        {
            {"", ""},
            {"a = ",
             "1: not valid TOML: Error while parsing key-value pair: encountered "
             "end-of-file"},
            {"stat_dir = \"/x\"", "1: unknown key \"stat_dir\"; did you mean \"state_dir\"?"},
            {"zzz = 1",
             "1: unknown key \"zzz\"; known are: access, admin_group, admin_socket, clients, "
             "exchanges_max, exchanges_per_origin_max, log_level, no_proxy, proxy, state_dir, "
             "tokens_socket"},
            {"state_dir = 7",
             "1: state_dir must be a string, not an integer; write state_dir = "
             "\"/var/lib/tokenbroker\""},
            {"state_dir = \"\"",
             "1: state_dir is empty; write state_dir = \"/var/lib/tokenbroker\""},
            {"state_dir = \"a\\nb\"",
             "1: state_dir is a text with control characters; write state_dir = "
             "\"/var/lib/tokenbroker\""},
            {"state_dir = \"lib\"",
             "1: state_dir is \"lib\", a relative path; write an absolute one, as "
             "\"/etc/tokenbroker/...\""},
            {"tokens_socket = \"/" + std::string(120, 'x') + "\"",
             "1: tokens_socket is 121 bytes long; the path of a socket can have 107"},
            {"admin_socket = \"a.sock\"",
             "1: admin_socket is \"a.sock\", a relative path; write an absolute one, as "
             "\"/etc/tokenbroker/...\""},
            {"admin_group = \"no-such-group\"",
             "1: admin_group is \"no-such-group\", which is no usable group; create it: groupadd "
             "--system no-such-group"},
            {"exchanges_max = true", "1: exchanges_max must be an integer, not true or false"},
            {"exchanges_max = 0", "1: exchanges_max is 0; it must be from 1 to 1000"},
            {"exchanges_max = 4",
             "1: exchanges_per_origin_max (8) is more than exchanges_max (4); lower the first or "
             "raise the second"},
            {"log_level = \"loud\"",
             "1: log_level is \"loud\"; it must be one of: critical, error, warning, notice, info, "
             "debug"},
            {"log_level = 2026-01-01",
             "1: log_level is a date or time; it must be one of: critical, error, warning, notice, "
             "info, debug"},
            {"no_proxy = \"*\"",
             "1: no_proxy must be a list of strings, not a string; write no_proxy = "
             "[\".example.com\"]"},
            {"no_proxy = [1]",
             "1: no_proxy must hold non-empty strings, not an integer; write no_proxy = "
             "[\".example.com\"]"},
            {"no_proxy = [\"a b\"]",
             "1: no_proxy has \"a b\"; write host suffixes, addresses or \"*\", one each: "
             "[\".example.com\", \"192.0.2.7\"]"},
            {"clients = 1",
             "1: clients must be written as [clients.NAME] sections, not as an integer"},
            {"[clients]\nshop = 1",
             "2: clients.shop must be a section [clients.shop], not an integer"},
            {"[access]\nallow = []",
             "1: access must be written as [[access]] sections (two brackets), not as a table"},
            {"access = [1]", "1: access must be written as [[access]] sections, not as an integer"},
        });
}

BOOST_AUTO_TEST_CASE(proxies_are_checked_and_never_repeated_with_a_password) {
    const ConfigFolder folder;
    const std::string right = "; write proxy = \"http://HOST:PORT\"";
    check_all(
        folder,
        {
            {"proxy = \"http://[\"", "1: proxy is not a URL" + right},
            {"proxy = \"http://u:pw_test@p:1\"",
             "1: proxy holds a user name or password, which this file must not" + right},
            {"proxy = \"https://p:1\"",
             "1: proxy is \"https://p:1\", whose scheme is not http (the tunnel inside is TLS "
             "anyway)" +
                 right},
            {"proxy = \"http://p\"", "1: proxy is \"http://p\", without a host or a port" + right},
            {"proxy = \"http://p:1/x\"",
             "1: proxy is \"http://p:1/x\", with something after the port" + right},
            {"proxy = \"http://[::1]:3128/\"", ""},
        });
}

BOOST_AUTO_TEST_CASE(mistakes_in_a_client) {
    const ConfigFolder folder;
    folder.write("empty.pem", "nothing");
    const std::string right_policy = "; it must be one of: ahead, when_used, on_demand, static";
    check_all(
        folder,
        {
            {section, ""},
            {"[clients.Shop]\nprovider = \"config-test\"\nbase_url = \"x\"",
             "1: \"Shop\" can't be a client's name; use a-z, 0-9, _ and -, at most 64, the first a "
             "letter or digit"},
            {"[clients.shop]\nprovider = \"config-tets\"",
             "2: clients.shop.provider is \"config-tets\", which is unknown; did you mean "
             "\"config-test\"?"},
            {"[clients.shop]\nprovider = \"config-test\"", "1: clients.shop: base_url is missing"},
            {section + "flavor = 1", "4: clients.shop: flavor is not a key of mine"},
            {section + "policy = \"never\"", "4: clients.shop.policy is \"never\"" + right_policy},
            {section + "policy = 1", "4: clients.shop.policy is an integer" + right_policy},
            {section + "ambiguous_retry = \"later\"",
             "4: clients.shop.ambiguous_retry is \"later\"; it must be one of: now, defer"},
            {section + "probe = 1", "4: clients.shop.probe must be true or false, not an integer"},
            {section + "strict = \"yes\"",
             "4: clients.shop.strict must be true or false, not a string"},
            {section + "scopes = \"a\"",
             "4: clients.shop.scopes must be a list of strings, not a string; write scopes = "
             "[\"ecom.shop\"]"},
            {section + "client_id = 1.5",
             "4: clients.shop.client_id must be a string, not a number with a fraction; write "
             "client_id = \"client_1@example.com\""},
            {section + "proxy = \"p\"",
             "4: clients.shop.proxy is not a URL; write proxy = \"http://HOST:PORT\""},
            {section + "no_proxy = [\"*.example.com\"]",
             "4: clients.shop.no_proxy has \"*.example.com\"; write host suffixes, addresses or "
             "\"*\", one each: [\".example.com\", \"192.0.2.7\"]"},
            {section + "ca_file = \"ca.pem\"",
             "4: clients.shop.ca_file is \"ca.pem\", a relative path; write an absolute one, as "
             "\"/etc/tokenbroker/...\""},
            {section + "ca_file = \"DIR/no.pem\"",
             "4: clients.shop.ca_file names DIR/no.pem, which can't be read (No such file or "
             "directory); put the CA's certificate there as PEM"},
            {section + "ca_file = \"DIR/empty.pem\"",
             "4: clients.shop.ca_file names DIR/empty.pem, which holds no certificate; it must be "
             "PEM (-----BEGIN CERTIFICATE-----)"},
            {section + "flavour = [1]",
             "4: clients.shop.flavour is a list that no setting has; write a string, a number, "
             "true or false, or a list or table of strings"},
            {section + "flavour = { a = { b = 1 } }",
             "4: clients.shop.flavour is a table that no setting has; write a string, a number, "
             "true or false, or a list or table of strings"},
        });
    const std::string none = folder.mistakes("[clients.shop]\n");
    BOOST_TEST(
        none.starts_with("DIR/tokenbroker.toml:1: clients.shop names no provider; write "
                         "provider = \"...\", known are: "));
    BOOST_TEST(none.find("config-test") != std::string::npos);
}

// Silently ignored, such a line would make its writer believe in something that never happens.
BOOST_AUTO_TEST_CASE(a_policy_or_probe_that_a_provider_cannot_have) {
    const ConfigFolder folder;
    const std::string models =
        "[clients.models]\nprovider = \"threekit\"\nenvironment = \"preview\"\n";
    const std::string avatars =
        "[clients.avatars]\nprovider = \"readyplayerme\"\nbase_url = \"https://a.test\"\n"
        "partner = \"p\"\napi_key = { stored = true }\n";
    check_all(folder, {{models + "policy = \"static\"\nprobe = true", ""},
                       {models + "policy = \"on_demand\"",
                        "4: clients.models.policy can't be that for a threekit client: nothing "
                        "renews its tokens; take it out"},
                       {avatars + "policy = \"ahead\"",
                        "6: clients.avatars.policy can't be that for a readyplayerme client: its "
                        "tokens are made for what each request names; take it out"},
                       {avatars + "probe = true",
                        "6: clients.avatars.probe is of no use for a readyplayerme client: there "
                        "is nothing to ask; take it out"}});
}

BOOST_AUTO_TEST_CASE(distances_and_suggestions) {
    BOOST_TEST(edit_distance("", "abc") == 3U);
    BOOST_TEST(edit_distance("policy", "polciy") == 1U);
    BOOST_TEST(edit_distance("kitten", "sitting") == 3U);
    BOOST_TEST(suggest("scope", {"scopes", "proxy"}) == "did you mean \"scopes\"?");
    BOOST_TEST(suggest("x", {"scopes", "proxy"}) == "known are: scopes, proxy");
    BOOST_TEST(suggest("x", {}) == "none is known");
    BOOST_TEST(quote("a\nb") == "\"a?b\"");
    BOOST_TEST(quote(std::string(200, 'x')) == "\"" + std::string(100, 'x') + "...\"");
}

// Also of keys and names, and of what a provider says: its lines go to a terminal and to the log.
BOOST_AUTO_TEST_CASE(mistakes_hold_no_control_characters) {
    const ConfigFolder folder;
    for (const char* text :
         {R"("\u001b[2J" = 1)", R"([clients."\u007f\u001b[2J"])", R"(clients = { "a\n" = 1 })",
          "[clients.a]\nprovider = 'config-test'\n\"\\u001b[2J\" = 1"}) {
        const ConfigResult got = folder.load(text);
        BOOST_TEST(!got.mistakes.lines.empty(), text);
        for (const std::string& line : got.mistakes.lines)
            BOOST_TEST(!has_control(line), text);
    }
}
