// Checks of single values. No file is touched here. A URL with a password in it is refused without
// being repeated.
#include "daemon/config_values.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace tb::daemon {
namespace {

constexpr std::size_t shown_bytes_max = 100;
constexpr std::size_t word_bytes_max = 64;  // longer words are no near misses of ours

// '[', '{' and "**" mean something in other globs: here they would silently match nothing.
std::string check_glob(std::string_view glob) {
    if (glob.find("**") != std::string_view::npos)
        return fmt::format("{} has \"**\"; a '*' matches within one path component, write one '*'",
                           quote(glob));
    for (const char c : glob)
        if (c == '[' || c == ']' || c == '{' || c == '}' || c == '\\' || c == ' ')
            return fmt::format(
                "{} has '{}', which no name has; only '*' and '?' are wildcards, write one "
                "pattern for each alternative",
                quote(glob), c);
    return {};
}

bool has_wildcard(std::string_view text) {
    return text.find_first_of("*?") != std::string_view::npos;
}

}  // namespace

bool has_control(std::string_view text) {
    return std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, shown_bytes_max))
        out.push_back(has_control({&c, 1}) ? '?' : c);
    if (text.size() > shown_bytes_max) out += "...";
    return out + "\"";
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> cost(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            const std::size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    }
    return cost[a.size()][b.size()];
}

std::string suggest(std::string_view word, const std::vector<std::string>& known) {
    std::size_t least = std::max<std::size_t>(1, std::min<std::size_t>(word.size() / 3, 3)) + 1;
    const std::string* nearest = nullptr;
    for (const std::string& candidate : known) {
        if (word.size() > word_bytes_max) break;
        const std::size_t distance = edit_distance(word, candidate);
        if (distance >= least) continue;
        least = distance;
        nearest = &candidate;
    }
    if (nearest != nullptr) return fmt::format("did you mean \"{}\"?", *nearest);
    if (known.empty()) return "none is known";
    return fmt::format("known are: {}", fmt::join(known, ", "));
}

std::string check_path(std::string_view path) {
    if (path.starts_with('/')) return {};
    return fmt::format("is {}, a relative path; write an absolute one, as \"/etc/tokenbroker/...\"",
                       quote(path));
}

std::string check_socket_path(std::string_view path) {
    if (std::string wrong = check_path(path); !wrong.empty()) return wrong;
    constexpr std::size_t most = sizeof(sockaddr_un::sun_path) - 1;
    if (path.size() <= most) return {};
    return fmt::format("is {} bytes long; the path of a socket can have {}", path.size(), most);
}

std::string check_proxy(std::string_view url) {
    static constexpr std::string_view right = "write proxy = \"http://HOST:PORT\"";
    const auto parsed = boost::urls::parse_uri(url);
    if (!parsed) return fmt::format("is not a URL; {}", right);
    if (parsed->has_userinfo())
        return fmt::format("holds a user name or password, which this file must not; {}", right);
    if (parsed->scheme() != "http")
        return fmt::format("is {}, whose scheme is not http (the tunnel inside is TLS anyway); {}",
                           quote(url), right);
    if (parsed->host().empty() || parsed->port_number() == 0)
        return fmt::format("is {}, without a host or a port; {}", quote(url), right);
    const bool bare = parsed->encoded_path() == "" || parsed->encoded_path() == "/";
    if (!bare || parsed->has_query() || parsed->has_fragment())
        return fmt::format("is {}, with something after the port; {}", quote(url), right);
    return {};
}

std::string check_no_proxy(std::string_view entry) {
    if (entry.find_first_of("/ ,") == std::string_view::npos &&
        (entry == "*" || !has_wildcard(entry)))
        return {};
    return fmt::format(
        "has {}; write host suffixes, addresses or \"*\", one each: [\".example.com\", "
        "\"192.0.2.7\"]",
        quote(entry));
}

std::string check_unit_glob(std::string_view glob) {
    if (glob.empty()) return "is empty; write a unit name, as \"game-server@*.service\"";
    if (std::string wrong = check_glob(glob); !wrong.empty()) return wrong;
    if (glob.find('/') != std::string_view::npos)
        return fmt::format("{} has a '/', which no unit name has; for a path write cgroup",
                           quote(glob));
    static constexpr std::array<std::string_view, 3> kinds{".service", ".scope", ".slice"};
    const bool whole = glob.back() == '*' ||
                       std::ranges::any_of(kinds, [&](auto kind) { return glob.ends_with(kind); });
    if (whole) return {};
    return fmt::format("{} is no whole unit name; write {}", quote(glob),
                       quote(std::string(glob) + ".service"));
}

std::string check_cgroup_glob(std::string_view glob) {
    if (std::string wrong = check_glob(glob); !wrong.empty()) return wrong;
    if (glob.starts_with('/')) return {};
    return fmt::format("{} does not start with '/'; write \"/system.slice/game.service\"",
                       quote(glob));
}

std::string check_account_glob(std::string_view glob) {
    if (std::string wrong = check_glob(glob); !wrong.empty()) return wrong;
    if (std::ranges::count(glob, '/') == 1 && glob.front() != '/' && glob.back() != '/') return {};
    return fmt::format("{} can match no account; write CLIENT/NAME, as \"shop/main\" or \"shop/*\"",
                       quote(glob));
}

}  // namespace tb::daemon
