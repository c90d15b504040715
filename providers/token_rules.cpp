// Rules of RFC 6749 and of what servers were seen to send. A token that fits no header is refused
// as it is: stripping a line break would hide an injection or a damaged reply.
#include "providers/token_rules.hpp"

#include <algorithm>
#include <cmath>

#include "base/limits.hpp"

namespace tb::providers {
namespace {

bool within(std::string_view text, char lowest) {
    return !text.empty() && text.size() <= limits::token_bytes_max &&
           std::all_of(text.begin(), text.end(), [&](char c) { return c >= lowest && c <= 0x7E; });
}

std::optional<double> seconds_of(std::string_view text) {
    bool point = false;
    double seconds = 0;
    double weight = 1;
    if (text.empty() || text.front() == '.' || text.back() == '.') return std::nullopt;
    for (const char c : text) {
        if (c == '.' && !point) {
            point = true;
        } else if (c < '0' || c > '9') {
            return std::nullopt;
        } else if (point) {
            weight /= 10;
            seconds += (c - '0') * weight;
        } else {
            seconds = std::min(seconds * 10 + (c - '0'), 1e12);
        }
    }
    return seconds;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<std::vector<std::string>> scopes_of_array(const JsonReply::Value& array) {
    std::vector<std::string> scopes;
    for (const JsonReply::Value& item : array.items()) {
        if (!good_scope(item.text())) return std::nullopt;
        scopes.emplace_back(item.text());
    }
    return scopes;
}

}  // namespace

bool good_access_token(std::string_view token) {
    return within(token, 0x21);
}

bool good_refresh_token(std::string_view token) {
    return within(token, 0x20);
}

bool good_scope(std::string_view scope) {
    return within(scope, 0x21) && scope.find_first_of("\"\\") == std::string_view::npos;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = lower(text[i]);
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !hex) return false;
    }
    return true;
}

std::optional<Millis> parse_expires_in(const JsonReply::Value& value) {
    std::optional<double> seconds;
    if (value.is(JsonReply::Kind::number)) seconds = value.number();
    if (value.is(JsonReply::Kind::string)) seconds = seconds_of(value.text());
    if (!seconds || !std::isfinite(*seconds) || *seconds < 0) return std::nullopt;
    constexpr auto longest = static_cast<double>(limits::lifetime_max_ms.count() / 1'000);
    return Millis{static_cast<std::int64_t>(std::floor(std::min(*seconds, longest))) * 1'000};
}

std::optional<std::vector<std::string>> parse_scopes(const JsonReply::Value& value) {
    if (value.is(JsonReply::Kind::array)) return scopes_of_array(value);
    if (!value.is(JsonReply::Kind::string)) return std::nullopt;
    std::string_view text = value.text();
    if (text.starts_with('[')) {
        const auto nested = JsonReply::parse(text);
        if (!nested || !nested->root().is(JsonReply::Kind::array)) return std::nullopt;
        return scopes_of_array(nested->root());
    }
    std::vector<std::string> scopes;
    while (!text.empty()) {
        const std::size_t space = std::min(text.find(' '), text.size());
        const std::string_view scope = text.substr(0, space);
        if (!scope.empty() && !good_scope(scope)) return std::nullopt;
        if (!scope.empty()) scopes.emplace_back(scope);
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return scopes;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace tb::providers
