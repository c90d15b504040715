// Where secrets may come from, and that none is ever accepted in the file or repeated in a message.
#include <boost/test/unit_test.hpp>

#include "config_fixture.hpp"

using namespace tb;
using namespace tb::daemon;
using namespace tb::daemon::testing;

BOOST_AUTO_TEST_CASE(secrets_stay_out_of_the_file) {
    const ConfigFolder folder;
    folder.write("open.secret", "cs_test_1", 0644);
    folder.write("empty.secret", "");
    folder.write("big.secret", std::string(limits::secret_bytes_max + 1, 'x'));
    unsetenv("CREDENTIALS_DIRECTORY");
    const std::string ways =
        "write client_secret = { file = \"/path\" }, { credential = \"name\" }, or { stored = true "
        "} and run: tokenbroker client set-secret shop";
    check_all(
        folder,
        {
            {section + "client_secret = \"cs_test_clear\"",
             "4: clients.shop.client_secret is a secret in the clear, which this file must not "
             "hold; " +
                 ways},
            {section + "client_secret = 1",
             "4: clients.shop.client_secret must be a table, not an integer; " + ways},
            {section + "client_secret = { }",
             "4: clients.shop.client_secret names no source; " + ways},
            {section + "client_secret = { stored = false }",
             "4: clients.shop.client_secret names no source; " + ways},
            {section + "client_secret = { stored = true, file = \"/x\" }",
             "4: clients.shop.client_secret names several sources; keep one of file, credential, "
             "stored"},
            {section + "client_secret = { fiel = \"/x\" }",
             "4: unknown key clients.shop.client_secret.\"fiel\"; did you mean \"file\"?"},
            {section + "client_secret = { file = 1 }",
             "4: clients.shop.client_secret.file must be a string, not an integer; write file = "
             "\"/path\""},
            {section + "client_secret = { file = \"x\" }",
             "4: clients.shop.client_secret is \"x\", a relative path; write an absolute one, as "
             "\"/etc/tokenbroker/...\""},
            {section + "api_key = { file = \"DIR/none\" }",
             "4: clients.shop.api_key names DIR/none, which can't be read (No such file or "
             "directory); make it, readable for this daemon's user only"},
            {section + "api_key = { file = \"DIR\" }",
             "4: clients.shop.api_key names DIR, which is not a regular file; put the secret into "
             "one"},
            {section + "secret_key = { file = \"DIR/open.secret\" }",
             "4: clients.shop.secret_key names DIR/open.secret, which is open to everybody (mode "
             "0644); run: chmod o-rwx DIR/open.secret"},
            {section + "secret_key = { file = \"DIR/empty.secret\" }",
             "4: clients.shop.secret_key names DIR/empty.secret, which is empty; write the secret "
             "into it"},
            {section + "secret_key = { file = \"DIR/big.secret\" }",
             "4: clients.shop.secret_key names DIR/big.secret, which has 16385 bytes; a secret has "
             "at most 16384"},
            {section + "api_key = { credential = \"../x\" }",
             "4: clients.shop.api_key names \"../x\", which can't be a credential; use letters, "
             "digits and . _ -"},
            {section + "api_key = { credential = \"shop\" }",
             "4: clients.shop.api_key names credential \"shop\", which the service did not get; "
             "add "
             "LoadCredential=shop:/path/to/file in a drop-in of tokenbrokerd.service and restart "
             "it"},
            {section + "refresh_token = \"rt_test_1\"",
             "4: clients.shop.refresh_token is a secret in the clear, which this file must not "
             "hold; a client's secret is client_secret, api_key or secret_key = { file = \"/path\" "
             "}, an account's comes by: tokenbroker account add shop/NAME"},
        });
}

BOOST_AUTO_TEST_CASE(no_message_repeats_a_secret) {
    const ConfigFolder folder;
    for (const char* key : {"client_secret", "api_key", "secret_key", "password", "refresh_token",
                            "token", "other_secret", "x_key"})
        BOOST_TEST(folder.mistakes(section + key + " = \"sk_test_clear\"").find("sk_test_clear") ==
                   std::string::npos);
}

BOOST_AUTO_TEST_CASE(credentials_are_looked_up_where_systemd_puts_them) {
    const ConfigFolder folder;
    folder.write("credentials/shop", "cs_test_1", 0400);
    folder.write("credentials/empty", "", 0400);
    folder.write("credentials/big", std::string(limits::secret_bytes_max + 1, 'x'), 0400);
    setenv("CREDENTIALS_DIRECTORY", folder.at("credentials").c_str(), 1);
    const ConfigResult got = folder.load(section + "api_key = { credential = \"shop\" }");
    BOOST_TEST(folder.shown(got.mistakes.lines) == "");
    BOOST_TEST(got.config.clients.at("shop").secrets.at("api_key").where == "shop");
    check_all(folder, {
                          {section + "api_key = { credential = \"empty\" }",
                           "4: clients.shop.api_key names credential \"empty\", which is empty; "
                           "write the secret into its file"},
                          {section + "api_key = { credential = \"big\" }",
                           "4: clients.shop.api_key names credential \"big\", which has 16385 "
                           "bytes; a secret has at most 16384"},
                      });
    unsetenv("CREDENTIALS_DIRECTORY");
}

BOOST_AUTO_TEST_CASE(the_provider_says_which_secrets_it_needs) {
    const ConfigFolder folder;
    const std::string with_id = section + "client_id = \"x\"\n";
    check_all(folder,
              {
                  {with_id,
                   "1: clients.shop: client_secret is missing; write client_secret = { "
                   "file = \"/path\" }, { credential = \"name\" } or { stored = true }"},
                  {with_id + "client_secret = { stored = true }", ""},
                  {with_id + "client_secret = { }",
                   "5: clients.shop.client_secret names no source; write client_secret = { "
                   "file = \"/path\" }, { credential = \"name\" }, or { stored = true } and "
                   "run: tokenbroker client set-secret shop"},
              });
    BOOST_TEST(
        folder.shown(folder.load(section + "api_key = { stored = true }").mistakes.warnings) ==
        "DIR/tokenbroker.toml:4: clients.shop.api_key is not used by a config-test client; "
        "take it out");
}
