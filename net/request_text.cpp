// HTTP/1.1 with the few headers that are the client's own. One exact allocation, so that no half
// of a credential stays behind in a buffer outgrown on the way.
#include "net/request_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace tb::net {
namespace {

using Text = std::string_view;

// Framing and routing are decided here alone; a provider that sets one of these is a bug.
constexpr std::array<Text, 9> reserved_names{
    "host",    "content-length", "connection", "transfer-encoding", "te",
    "trailer", "upgrade",        "expect",     "proxy-connection"};

bool is_token(Text text) {
    constexpr Text marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               marks.find(c) != Text::npos;
    });
}

bool is_control(char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
}

bool is_field_value(Text text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return is_control(c) && c != '\t'; });
}

bool is_target(Text text) {
    return text.starts_with('/') && std::all_of(text.begin(), text.end(), [](char c) {
               return c > 0x20 && c < 0x7f && c != '#';
           });
}

bool same_name(Text a, Text lower) {
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

std::optional<Error> check(const http::Request& request) {
    const auto bad = [](std::string what) {
        return Error{errc::invalid_parameter, "not sent: " + std::move(what)};
    };
    if (!is_token(request.method)) return bad("the method is not a token");
    if (!is_target(request.target.view()))
        return bad("the target is not a path of printable characters");
    for (const http::Header& header : request.headers) {
        if (!is_token(header.name)) return bad("a header's name is not a token");
        if (!is_field_value(header.value.view()))
            return bad("the value of header " + header.name + " has control characters");
        const bool reserved = std::any_of(reserved_names.begin(), reserved_names.end(),
                                          [&](Text name) { return same_name(header.name, name); });
        if (reserved) return bad("header " + header.name + " is the client's own");
    }
    if (!is_field_value(request.user_agent)) return bad("the user agent has control characters");
    return std::nullopt;
}

bool takes_body(const http::Request& request) {
    return !request.body.empty() || (request.method != "GET" && request.method != "HEAD");
}

}  // namespace

Result<Secret> request_text(const http::Request& request, const Origin& origin, Text user_agent) {
    if (auto error = check(request)) return std::move(*error);
    if (!request.user_agent.empty()) user_agent = request.user_agent;
    bool has_agent = false;
    std::size_t bytes = 256 + request.method.size() + request.target.size() +
                        origin.host_header.size() + user_agent.size() + request.body.size();
    for (const http::Header& header : request.headers) {
        bytes += header.name.size() + header.value.size() + 4;
        has_agent = has_agent || same_name(header.name, "user-agent");
    }
    Secret out;
    out.reserve(bytes);
    const auto field = [&](Text name, Text value) {
        out.append(name).append(": ").append(value).append("\r\n");
    };
    out.append(request.method).append(" ").append(request.target.view()).append(" HTTP/1.1\r\n");
    field("Host", origin.host_header);
    if (!has_agent) field("User-Agent", user_agent);
    field("Accept-Encoding", "identity");  // then a packed reply is a fault, never a bomb
    for (const http::Header& header : request.headers)
        if (!same_name(header.name, "accept-encoding")) field(header.name, header.value.view());
    if (takes_body(request)) field("Content-Length", std::to_string(request.body.size()));
    out.append("\r\n").append(request.body.view());
    return out;
}

Secret connect_text(const Origin& target, Text user_agent) {
    Secret out;
    out.append("CONNECT ").append(target.host_and_port).append(" HTTP/1.1\r\nHost: ");
    out.append(target.host_and_port).append("\r\nUser-Agent: ").append(user_agent);
    out.append("\r\n\r\n");
    return out;
}

}  // namespace tb::net
