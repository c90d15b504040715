// Who is trusted: every way a certificate can be wrong is CONFIG, names the problem, and no byte of
// a request gets out.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "harness.hpp"

using namespace tb;
using namespace tb::net::test;

namespace {

void check_untrusted(const http::Outcome& outcome, const TestServer& server,
                     const std::string& problem) {
    const http::Failure& f = failure(outcome);
    BOOST_TEST(to_string(f.failure) == "CONFIG");
    BOOST_TEST(f.code == "tls_verify");
    BOOST_TEST(!f.sent);
    BOOST_TEST(f.reason.find(problem) != std::string::npos, f.reason);
    BOOST_TEST(f.reason.find("https://") == 0U, f.reason);
    BOOST_TEST(server.requests() == 0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_server_of_the_given_ca_is_trusted) {
    Harness h;
    const Identity identity = h.ca.issue();
    TestServer server(&identity);
    const http::Outcome outcome = h.run(h.get(server.origin()));
    BOOST_TEST(reply(outcome).status == 200);
    BOOST_TEST(reply(outcome).body.view() == R"({"ok":true})");
    BOOST_TEST(server.last_server_name() == "localhost");
}

BOOST_AUTO_TEST_CASE(the_systems_store_does_not_know_a_private_ca) {
    Harness h;
    const Identity identity = h.ca.issue();
    TestServer server(&identity);
    http::Request request = h.get(server.origin());
    request.ca_file.clear();
    check_untrusted(h.run(std::move(request)), server, "name its CA in ca_file");
}

BOOST_AUTO_TEST_CASE(another_ca_is_not_trusted) {
    Harness h;
    const TestCa other("another CA");
    const Identity identity = other.issue();
    TestServer server(&identity);
    check_untrusted(h.run(h.get(server.origin())), server, "check that ca_file holds the CA");
}

BOOST_AUTO_TEST_CASE(a_certificate_for_another_name) {
    Harness h;
    const Identity identity = h.ca.issue({.names = "DNS:other.example"});
    TestServer server(&identity);
    check_untrusted(h.run(h.get(server.origin())), server, "check base_url");
}

BOOST_AUTO_TEST_CASE(a_partial_wildcard_is_no_match) {
    Harness h;
    const Identity identity = h.ca.issue({.names = "DNS:local*"});
    TestServer server(&identity);
    check_untrusted(h.run(h.get(server.origin())), server, "ostname mismatch");
}

BOOST_AUTO_TEST_CASE(an_address_is_checked_as_an_address) {
    Harness h;
    const Identity right = h.ca.issue({.names = "IP:127.0.0.1"});
    TestServer server(&right);
    BOOST_TEST(reply(h.run(h.get(server.origin("127.0.0.1")))).status == 200);
    BOOST_TEST(server.last_server_name().empty());  // an address is never sent as a name

    const Identity wrong = h.ca.issue({.names = "DNS:127.0.0.1,IP:127.0.0.9"});
    TestServer impostor(&wrong);
    check_untrusted(h.run(h.get(impostor.origin("127.0.0.1"))), impostor, "check base_url");
}

BOOST_AUTO_TEST_CASE(expired_and_not_yet_valid) {
    Harness h;
    const Identity old = h.ca.issue({.starts_in_s = -7200, .ends_in_s = -3600});
    TestServer expired(&old);
    check_untrusted(h.run(h.get(expired.origin())), expired, "certificate has expired");
    const Identity young = h.ca.issue({.starts_in_s = 1800});
    TestServer early(&young);
    check_untrusted(h.run(h.get(early.origin())), early, "check this host's clock");
}

BOOST_AUTO_TEST_CASE(self_signed) {
    Harness h;
    const Identity identity = h.ca.issue({.self_signed = true});
    TestServer server(&identity);
    check_untrusted(h.run(h.get(server.origin())), server, "self-signed certificate");
}

BOOST_AUTO_TEST_CASE(an_unreadable_ca_file) {
    Harness h;
    const Identity identity = h.ca.issue();
    TestServer server(&identity);
    http::Request missing = h.get(server.origin());
    missing.ca_file = h.folder.file("missing.pem");
    check_untrusted(h.run(std::move(missing)), server, "missing.pem can't be read: No such file");
    http::Request garbage = h.get(server.origin());
    garbage.ca_file = h.folder.file("empty.pem");
    std::ofstream(garbage.ca_file).close();
    check_untrusted(h.run(std::move(garbage)), server, "empty.pem can't be used");
}

BOOST_AUTO_TEST_CASE(a_changed_ca_file_is_read_again) {
    Harness h;
    const TestCa renewed("renewed CA");
    const Identity before = h.ca.issue();
    const Identity after = renewed.issue();
    ServerOptions options;
    options.script = [](Peer& peer) {
        if (peer.read_request()) peer.send(reply_of("{}", "Connection: close\r\n"));
    };
    TestServer server(&before, std::move(options));
    BOOST_TEST(reply(h.run(h.get(server.origin()))).status == 200);
    server.replace(after);
    BOOST_TEST(failure(h.run(h.get(server.origin()))).code == "tls_verify");
    renewed.write(h.folder.file("new.pem"));
    std::filesystem::rename(h.folder.file("new.pem"), h.folder.file("ca.pem"));
    BOOST_TEST(reply(h.run(h.get(server.origin()))).status == 200);
}

BOOST_AUTO_TEST_CASE(a_server_without_tls_1_2) {
    Harness h;
    const Identity identity = h.ca.issue();
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        ServerOptions options;
        options.version_max = version;
        TestServer server(&identity, std::move(options));
        const http::Outcome outcome = h.run(h.get(server.origin()));
        BOOST_TEST(to_string(failure(outcome).failure) == "RETRY");
        BOOST_TEST(failure(outcome).code == "tls");
        BOOST_TEST(!failure(outcome).sent);
        BOOST_TEST(server.requests() == 0);
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_speaks_no_tls) {
    Harness h;
    ServerOptions options;
    options.plain = true;
    options.script = [](Peer& peer) {
        peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.hold();
    };
    TestServer server(nullptr, std::move(options));
    http::Request request = h.get("https://localhost:" + std::to_string(server.port()));
    const http::Outcome outcome = h.run(std::move(request));
    BOOST_TEST(failure(outcome).code == "tls");
    BOOST_TEST(to_string(failure(outcome).failure) == "RETRY");
    BOOST_TEST(!failure(outcome).sent);
}
