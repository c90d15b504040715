// Blocking and small: one poll loop over a few sockets. Nothing of a request is printed.
#include "cli/loopback.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/url/params_encoded_view.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/parse_query.hpp>
#include <boost/url/url.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "base/redirect.hpp"

namespace tb::cli {
namespace {

namespace urls = boost::urls;

// A browser's spare connections; whoever has been silent longest makes room.
constexpr std::size_t visitors_max = 16;

struct Visitor {
    UniqueFd fd;
    std::string request;
};

constexpr std::string_view page =
    "<!doctype html><meta charset=utf-8><title>tokenbroker</title>"
    "<p>The answer was passed on. You can close this window: the terminal says how it went.";

void answer(const Visitor& visitor, std::string_view status, std::string_view body) {
    const std::string reply = fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nCache-Control: "
        "no-store\r\n"
        "Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{}",
        status, body.size(), body);
    // It fits into any socket buffer; a visitor that is gone needs none.
    (void)!::send(visitor.fd.get(), reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// "GET /callback?code=x HTTP/1.1" -> the query; nullopt: not for us.
std::optional<std::string> query_of(std::string_view request, std::string_view path) {
    std::string_view line = request.substr(0, request.find("\r\n"));
    if (!line.starts_with("GET ")) return {};
    line.remove_prefix(4);
    const std::string_view target = line.substr(0, line.find(' '));
    const auto mark = target.find('?');
    if (mark == std::string_view::npos || target.substr(0, mark) != path) return {};
    return std::string(target.substr(mark + 1));
}

enum class Heard : std::uint8_t { more, all, gone };

Heard hear(Visitor& visitor) {
    char buffer[4096];
    const ssize_t n = ::recv(visitor.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Heard::more;
    if (n <= 0) return Heard::gone;
    visitor.request.append(buffer, static_cast<std::size_t>(n));
    if (visitor.request.find("\r\n\r\n") != std::string::npos) return Heard::all;
    return visitor.request.size() > limits::redirect_query_bytes_max ? Heard::gone : Heard::more;
}

// Readable once the time is over.
Answer<UniqueFd> start_timer(std::int64_t timeout_ms) {
    UniqueFd timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    const std::int64_t least = std::max<std::int64_t>(timeout_ms, 1);
    itimerspec when{};
    when.it_value = {.tv_sec = least / 1000, .tv_nsec = least % 1000 * 1'000'000};
    if (!timer || ::timerfd_settime(timer.get(), 0, &when, nullptr) != 0)
        return failed(fmt::format("can't make a timer: {}", std::strerror(errno)));
    return timer;
}

Answer<UniqueFd> listen_on(bool v6, std::uint16_t port, std::uint16_t& bound) {
    UniqueFd fd(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (v6) {
        auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
        address->sin6_family = AF_INET6;
        address->sin6_addr = in6addr_loopback;
        address->sin6_port = htons(port);
        size = sizeof *address;
    } else {
        auto* address = reinterpret_cast<sockaddr_in*>(&storage);
        address->sin_family = AF_INET;
        address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address->sin_port = htons(port);
        size = sizeof *address;
    }
    auto* generic = reinterpret_cast<sockaddr*>(&storage);
    if (!fd || ::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), 16) != 0 ||
        ::getsockname(fd.get(), generic, &size) != 0)
        return failed(fmt::format(
            "can't listen on loopback port {}: {}; another one: --redirect-uri "
            "http://127.0.0.1:PORT/callback (the provider must know it, if it wants exact ones)",
            port, std::strerror(errno)));
    bound = ntohs(v6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                     : reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
    return fd;
}

}  // namespace

std::string query_value(std::string_view query, std::string_view name) {
    const std::string text(query);  // Boost 1.81 reads on to a NUL, behind the view's end
    const auto params = urls::parse_query(text);
    if (!params) return {};
    for (const auto& param : *params)
        if (param.key.decode() == name) {
            urls::encoding_opts plus;
            plus.space_as_plus = true;
            return param.value.decode(plus);
        }
    return {};
}

Answer<RedirectListener> RedirectListener::open(std::string_view uri) {
    if (!is_loopback_redirect(uri))
        return failed(fmt::format("'{}' can't be listened on; a redirect URI here is "
                                  "http://127.0.0.1:PORT/PATH, [::1] or localhost",
                                  uri),
                      Exit::usage);
    const auto parsed = urls::parse_uri(uri);
    std::uint16_t port = 0;
    auto fd = listen_on(parsed->host() == "[::1]", parsed->port_number(), port);
    if (!fd) return fd.error();
    urls::url told = *parsed;
    told.set_port_number(port);
    if (told.encoded_path().empty()) told.set_encoded_path("/");
    return RedirectListener(std::move(*fd), std::string(told.buffer()),
                            std::string(told.encoded_path()));
}

Answer<std::string> RedirectListener::wait(std::string_view state, std::int64_t timeout_ms) {
    const auto timer = start_timer(timeout_ms);
    if (!timer) return timer.error();
    std::vector<Visitor> visitors;
    for (;;) {
        std::vector<pollfd> waits{{.fd = timer->get(), .events = POLLIN, .revents = 0},
                                  {.fd = fd_.get(), .events = POLLIN, .revents = 0}};
        for (const Visitor& visitor : visitors)
            waits.push_back({.fd = visitor.fd.get(), .events = POLLIN, .revents = 0});
        const int ready = ::poll(waits.data(), waits.size(), -1);
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0)
            return failed(fmt::format("can't wait for the browser: {}", std::strerror(errno)));
        if (waits[0].revents != 0)
            return failed("nobody came back from the browser in time; run it again");
        std::vector<Visitor> stay;
        for (std::size_t i = 0; i < visitors.size(); ++i) {
            Visitor& visitor = visitors[i];
            const Heard heard = waits[i + 2].revents == 0 ? Heard::more : hear(visitor);
            if (heard == Heard::all) {
                auto query = query_of(visitor.request, path_);
                if (query && query_value(*query, "state") == state) {
                    answer(visitor, "200 OK", page);
                    return *query;
                }
                answer(visitor, "404 Not Found", "not here");
            } else if (heard == Heard::more) {
                stay.push_back(std::move(visitor));
            }
        }
        visitors = std::move(stay);
        if (waits[1].revents == 0) continue;
        UniqueFd next(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (visitors.size() >= visitors_max) visitors.erase(visitors.begin());
        if (next) visitors.push_back({std::move(next), {}});
    }
}

}  // namespace tb::cli
