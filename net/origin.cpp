// Boost.URL does the grammar; what is left is what an origin may not have.
#include "net/origin.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <utility>

namespace tb::net {
namespace {

Error bad_origin(std::string_view text, std::string_view problem) {
    // The text itself may hold a password before an '@': then it is not repeated.
    const bool quotable = text.find('@') == std::string_view::npos;
    return Error{errc::config, fmt::format("{}: {}; write https://host or https://host:port",
                                           quotable ? text : "the URL", problem)};
}

bool is_name(std::string_view host) {
    return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

}  // namespace

Result<Origin> parse_origin(std::string_view text) {
    namespace urls = boost::urls;
    const auto parsed = urls::parse_uri({text.data(), text.size()});
    if (!parsed) return bad_origin(text, "not a URL");
    const urls::url_view url = *parsed;
    Origin out;
    if (url.scheme_id() == urls::scheme::http)
        out.tls = false;
    else if (url.scheme_id() != urls::scheme::https)
        return bad_origin(text, "neither https:// nor http://");
    if (url.has_userinfo()) return bad_origin(text, "user information does not belong there");
    if (!url.encoded_path().empty() || url.has_query() || url.has_fragment())
        return bad_origin(text, "there is more than scheme, host and port");
    const std::uint16_t usual = out.tls ? 443 : 80;
    out.port = url.has_port() ? url.port_number() : usual;
    if (out.port == 0) return bad_origin(text, "the port is not in 1..65535");

    std::string bracketed;
    switch (url.host_type()) {
        case urls::host_type::ipv4:
            out.is_address = true;
            out.host = bracketed = lower(url.host_address());
            break;
        case urls::host_type::ipv6:
            out.is_address = true;
            out.host = lower(url.host_address());
            bracketed = "[" + out.host + "]";
            break;
        default:
            out.host = bracketed = lower(std::string(url.encoded_host()));
            if (!is_name(out.host)) return bad_origin(text, "the host is not a name or an address");
    }
    out.host_and_port = fmt::format("{}:{}", bracketed, out.port);
    out.host_header = out.port == usual ? bracketed : out.host_and_port;
    out.text = fmt::format("{}://{}", out.tls ? "https" : "http", out.host_header);
    return out;
}

Result<Origin> parse_proxy(std::string_view text) {
    Result<Origin> out = parse_origin(text);
    if (out.has_value() && !out->tls) return out;
    std::string why = "proxy: ";
    why += out.has_value() ? std::string(text) + " is not http://host:port" : out.error().message;
    return Error{errc::config, std::move(why)};
}

}  // namespace tb::net
