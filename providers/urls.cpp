// Boost.URL takes an address apart by the RFC; the rules of what we accept are here. A base URL
// receives secrets, so everything unusual about it is refused rather than understood.
#include "providers/urls.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace tb::providers {
namespace {

namespace urls = boost::urls;

constexpr std::size_t host_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

Error wrong(std::string text) {
    return {errc::config, std::move(text)};
}

bool good_label(std::string_view label) {
    if (label.empty() || label.size() > label_bytes_max) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    return std::all_of(label.begin(), label.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

// Lower-case names of letters, digits and dashes; IPv4 addresses look like that too.
bool good_name(std::string_view name) {
    if (name.size() > host_bytes_max) return false;
    while (true) {
        const std::size_t dot = std::min(name.find('.'), name.size());
        if (!good_label(name.substr(0, dot))) return false;
        if (dot == name.size()) return true;
        name.remove_prefix(dot + 1);
    }
}

// 0 if it is none. Boost.URL's own number wraps around above 65535.
int port_of(std::string_view digits) {
    int number = 0;
    for (const char c : digits) {
        number = number * 10 + (c - '0');
        if (c < '0' || c > '9' || number > 65'535) return 0;
    }
    return number;
}

struct Parts {
    std::string scheme, host, port, path;  // port without the default one
    std::string query;                     // with its '?'
};

Result<Parts> take_apart(std::string_view text, std::string_view example, bool query_fine = false) {
    const std::string hint = "; right would be \"" + std::string(example) + "\"";
    const bool clean = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20; });
    if (!clean) return wrong("holds a space, a control character or a letter beyond ASCII" + hint);
    const auto parsed = urls::parse_uri(text);
    if (!parsed) return wrong("is no URL" + hint);
    const urls::url_view& url = *parsed;
    if (!url.has_authority()) return wrong("has no host" + hint);
    if (url.has_userinfo()) return wrong("holds a user name or password; take it out" + hint);
    if (url.has_query() && !query_fine)
        return wrong("has a query; take out everything from '?' on" + hint);
    if (url.has_fragment()) return wrong("has a fragment; take out everything from '#' on" + hint);
    Parts parts;
    parts.scheme = lower({url.scheme().data(), url.scheme().size()});
    const auto host = url.encoded_host();
    parts.host = lower({host.data(), host.size()});
    const bool literal = url.host_type() == urls::host_type::ipv6;
    if (!literal && !good_name(parts.host))
        return wrong("has no proper host name" + hint + "; write a name beyond ASCII in punycode");
    if (url.has_port() && !url.port().empty()) {
        const int number = port_of({url.port().data(), url.port().size()});
        if (number == 0) return wrong("has a port that can't be: use 1 to 65535" + hint);
        const bool standard = number == (parts.scheme == "https" ? 443 : 80);
        if (!standard) parts.port = ":" + std::to_string(number);
    }
    const auto path = url.encoded_path();
    parts.path.assign(path.data(), path.size());
    if (url.has_query()) {
        const auto query = url.encoded_query();
        parts.query = "?" + std::string(query.data(), query.size());
    }
    // Boost.URL takes "host:15m:44/" for port 15 and the path "m:44/".
    if (!parts.path.empty() && parts.path.front() != '/') return wrong("is no URL" + hint);
    return parts;
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

bool has_dot_segment(std::string_view path) {
    const std::string bounded = std::string(path) + "/";
    return bounded.find("/./") != std::string::npos || bounded.find("/../") != std::string::npos ||
           lower(bounded).find("%2e") != std::string::npos;
}

// Secrets travel there: encrypted, or to this host in a test.
Result<void> check_transport(const Parts& parts, bool allow_loopback_http) {
    if (parts.scheme == "http") {
        if (!is_loopback(parts.host))
            return wrong("is not encrypted, and secrets would travel in the clear; write https://");
        if (!allow_loopback_http)
            return wrong(
                "is not encrypted; for a test on this host set allow_loopback_http = true");
    } else if (parts.scheme != "https") {
        return wrong("must begin with https://");
    }
    if (has_dot_segment(parts.path)) return wrong("has a '.' or '..' in its path; take it out");
    return {};
}

// The host alone of "https://Host:8443", "host:8443" or "host".
std::string host_of(std::string_view text) {
    if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos)
        text.remove_prefix(scheme + 3);
    if (text.ends_with('/')) text.remove_suffix(1);
    const std::size_t colon = text.rfind(':');
    if (colon != std::string_view::npos && colon + 1 < text.size() &&
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(colon) + 1, text.end(),
                    [](char c) { return c >= '0' && c <= '9'; }))
        text = text.substr(0, colon);
    return lower(text);
}

}  // namespace

Result<BaseUrl> parse_base_url(std::string_view text, bool allow_loopback_http) {
    const auto parts = take_apart(text, "https://api.example.com");
    if (!parts) return parts.error();
    if (auto safe = check_transport(*parts, allow_loopback_http); !safe) return safe.error();
    BaseUrl base;
    base.origin = parts->scheme + "://" + parts->host + parts->port;
    base.prefix = parts->path;
    while (base.prefix.ends_with('/'))
        base.prefix.pop_back();
    return base;
}

Result<Endpoint> parse_endpoint(std::string_view text, bool allow_loopback_http) {
    const auto parts = take_apart(text, "https://id.example.com/oauth2/token", true);
    if (!parts) return parts.error();
    if (auto safe = check_transport(*parts, allow_loopback_http); !safe) return safe.error();
    Endpoint endpoint;
    endpoint.origin = parts->scheme + "://" + parts->host + parts->port;
    endpoint.target = (parts->path.empty() ? "/" : parts->path) + parts->query;
    return endpoint;
}

Result<std::string> normalize_origin(std::string_view text) {
    const auto parts = take_apart(text, "https://app.example.com");
    if (!parts) return parts.error();
    if (parts->scheme != "https" && parts->scheme != "http")
        return wrong("must begin with https:// or http://");
    if (!parts->path.empty() && parts->path != "/")
        return wrong("has a path; an origin is only scheme, host and port: \"" + parts->scheme +
                     "://" + parts->host + parts->port + "\"");
    return parts->scheme + "://" + parts->host + parts->port;
}

Result<void> check_domain(std::string_view pattern) {
    const std::string host = host_of(pattern);
    std::string_view name = host;
    if (name.starts_with("*.")) name.remove_prefix(2);
    if (good_name(name)) return {};
    return wrong(
        "is no domain; right would be \"shop.example.com\", \"*.example.com\" (the star only as "
        "the whole first label) or \"localhost\"");
}

bool domain_matches(std::string_view pattern, std::string_view origin) {
    const std::string wanted = host_of(pattern);
    const std::string host = host_of(origin);
    if (!good_name(host)) return false;
    if (!wanted.starts_with("*.")) return good_name(wanted) && host == wanted;
    const std::string_view tail = std::string_view(wanted).substr(1);  // ".example.com"
    return good_name(tail.substr(1)) && host.size() > tail.size() && host.ends_with(tail);
}

}  // namespace tb::providers
