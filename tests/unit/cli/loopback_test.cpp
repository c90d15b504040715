// The redirect listener as a browser, and as a nosy local process, meets it.
#include "cli/loopback.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.hpp"
#include "cli/qr.hpp"

using namespace tb;
using namespace tb::cli;

namespace {

constexpr std::int64_t wait_ms = 20'000;

std::uint16_t port_of(const std::string& uri) {
    const auto colon = uri.find(':', std::string("http://").size());
    return static_cast<std::uint16_t>(std::stoi(uri.substr(colon + 1)));
}

UniqueFd visit(const RedirectListener& listener) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_of(listener.uri()));
    BOOST_REQUIRE_EQUAL(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
                        0);
    return fd;
}

void send_text(const UniqueFd& fd, std::string_view text) {
    BOOST_REQUIRE_EQUAL(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
                        static_cast<ssize_t>(text.size()));
}

std::string read_all(const UniqueFd& fd) {
    std::string out;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;)
        out.append(buffer, static_cast<std::size_t>(n));
    return out;
}

RedirectListener listen() {
    auto listener = RedirectListener::open("http://127.0.0.1/callback");
    BOOST_REQUIRE(listener);
    return std::move(*listener);
}

BOOST_AUTO_TEST_CASE(the_awaited_request_is_taken_among_others) {
    RedirectListener listener = listen();
    Answer<std::string> got;
    std::thread waiting([&] { got = listener.wait("st4te", wait_ms); });
    const UniqueFd silent = visit(listener);  // a browser's spare connection
    const UniqueFd icon = visit(listener);
    send_text(icon, "GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST(read_all(icon).starts_with("HTTP/1.1 404"));
    const UniqueFd forged = visit(listener);
    send_text(forged, "GET /callback?code=evil&state=other HTTP/1.1\r\n\r\n");
    BOOST_TEST(read_all(forged).starts_with("HTTP/1.1 404"));
    const UniqueFd posted = visit(listener);
    send_text(posted, "POST /callback?code=evil&state=st4te HTTP/1.1\r\n\r\n");
    BOOST_TEST(read_all(posted).starts_with("HTTP/1.1 404"));
    const UniqueFd browser = visit(listener);
    send_text(browser, "GET /callback?code=abc%2Fd&st");
    send_text(browser, "ate=st4te HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string page = read_all(browser);
    waiting.join();
    BOOST_TEST(page.starts_with("HTTP/1.1 200 OK"));
    BOOST_TEST(page.find("abc") == std::string::npos);  // the code is not shown again
    BOOST_REQUIRE(got);
    BOOST_TEST(*got == "code=abc%2Fd&state=st4te");
}

BOOST_AUTO_TEST_CASE(neither_crowds_nor_endless_requests_keep_the_browser_out) {
    RedirectListener listener = listen();
    Answer<std::string> got;
    std::thread waiting([&] { got = listener.wait("s", wait_ms); });
    std::vector<UniqueFd> crowd;
    for (int i = 0; i < 40; ++i)
        crowd.push_back(visit(listener));
    const UniqueFd endless = visit(listener);
    const std::string junk(limits::redirect_query_bytes_max + 4096, 'x');
    send_text(endless, junk);
    BOOST_TEST(read_all(endless).empty());  // hung up on
    const UniqueFd browser = visit(listener);
    send_text(browser, "GET /callback?state=s&error=access_denied HTTP/1.1\r\n\r\n");
    BOOST_TEST(read_all(browser).starts_with("HTTP/1.1 200"));
    waiting.join();
    BOOST_REQUIRE(got);
    BOOST_TEST(*got == "state=s&error=access_denied");
}

BOOST_AUTO_TEST_CASE(it_ends_when_nobody_comes) {
    RedirectListener listener = listen();
    const auto got = listener.wait("s", 1);
    BOOST_REQUIRE(!got);
    BOOST_TEST(got.error().text.find("in time") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(only_loopback_can_be_listened_on) {
    for (const char* uri :
         {"https://127.0.0.1/cb", "http://0.0.0.0/cb", "http://example.com/cb",
          "http://127.0.0.1/?a", "http://127.0.0.1/#a", "http://me@127.0.0.1/", "127.0.0.1", ""}) {
        const auto listener = RedirectListener::open(uri);
        BOOST_TEST(!listener, uri);
    }
    const auto bare = RedirectListener::open("http://localhost");
    BOOST_REQUIRE(bare);
    BOOST_TEST(bare->uri().starts_with("http://localhost:"));
    BOOST_TEST(bare->uri().ends_with("/"));
}

BOOST_AUTO_TEST_CASE(query_values_are_decoded) {
    BOOST_TEST(query_value("a=1&state=x%2By+z&b", "state") == "x+y z");
    BOOST_TEST(query_value("a=1", "state").empty());
    // Of a block of its own, so that a byte read behind it is seen by ASan.
    BOOST_TEST(
        query_value(std::string_view(std::make_unique<char[]>(1).get(), 0), "state").empty());
    BOOST_TEST(query_value("%zz", "state").empty());
    BOOST_TEST(query_value(std::string_view("state=12", 7), "state") == "1");
}

BOOST_AUTO_TEST_CASE(a_qr_code_is_square_and_has_its_finder) {
    const std::string code = qr_code("https://example.com/device?user_code=ABCD-EFGH");
    std::size_t lines = 0;
    for (const char c : code)
        lines += c == '\n' ? 1 : 0;
    BOOST_TEST(lines == (29U + 4U + 1U) / 2U);  // version 3: 29 modules, and the quiet zone
    // The upper edge of the finder pattern: seven dark modules behind two light ones.
    const std::string second = code.substr(code.find('\n') + 1);
    BOOST_TEST(second.starts_with("\u2588\u2588 \u2584\u2584\u2584\u2584\u2584 \u2588"));
    BOOST_TEST(qr_code(std::string(3000, 'x')).empty());
}

}  // namespace
