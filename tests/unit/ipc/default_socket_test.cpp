// Where the client looks for the daemon.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>

#include "ipc/client.hpp"
#include "ipc/server.hpp"
#include "tests/unit/ipc/process.hpp"

using namespace tb::ipc;
using namespace tb::test;

BOOST_AUTO_TEST_CASE(the_socket_is_looked_for_in_order) {
    TempFolder folder;
    const auto environment = [](const char* name, const std::string& value) {
        value.empty() ? ::unsetenv(name) : ::setenv(name, value.c_str(), 1);
    };
    environment("TOKENBROKER_SOCKET", "");
    environment("XDG_RUNTIME_DIR", folder.file(""));
    BOOST_TEST(default_socket("", false) == "/run/tokenbroker/tokens.sock");
    BOOST_TEST(default_socket("", true) == "/run/tokenbroker/admin.sock");
    std::filesystem::create_directory(folder.file("tokenbroker"));
    const auto listener = listen_unix(folder.file("tokenbroker/tokens.sock"), 0600);
    BOOST_REQUIRE(listener.has_value());
    BOOST_TEST(default_socket("", false) == folder.file("tokenbroker/tokens.sock"));
    BOOST_TEST(default_socket("", true) == folder.file("tokenbroker/admin.sock"));
    environment("TOKENBROKER_SOCKET", "/x/y.sock");
    BOOST_TEST(default_socket("", false) == "/x/y.sock");
    BOOST_TEST(default_socket("", true) == "/x/admin.sock");
    BOOST_TEST(default_socket("/o/p.sock", false) == "/o/p.sock");
    BOOST_TEST(default_socket("/o/p.sock", true) == "/o/admin.sock");
    BOOST_TEST(default_socket("p.sock", true) == "admin.sock");
    environment("TOKENBROKER_SOCKET", "");
    environment("XDG_RUNTIME_DIR", "");
    BOOST_TEST(default_socket("", false) == "/run/tokenbroker/tokens.sock");
}
