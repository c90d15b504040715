// The grammar of account names. Narrow on purpose: a name is printed in logs, typed in shells and
// used in globs, so nothing in it may need quoting.
#include "daemon/account_name.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/limits.hpp"

namespace tb::daemon {
namespace {

constexpr std::size_t half_bytes_max = 64;

bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_letter_or_digit(char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool is_name(std::string_view text) {
    if (text.empty() || text.size() > half_bytes_max || !is_letter_or_digit(text.front()))
        return false;
    return std::ranges::all_of(text, [](char c) {
        return is_letter_or_digit(c) || c == '.' || c == '_' || c == '@' || c == '+' || c == '-';
    });
}

// For messages: what a person typed, without control characters and not endless.
std::string quoted(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, half_bytes_max))
        out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
    if (text.size() > half_bytes_max) out += "...";
    return out;
}

}  // namespace

bool is_client_name(std::string_view text) {
    if (text.empty() || text.size() > half_bytes_max || !is_lower_or_digit(text.front()))
        return false;
    return std::ranges::all_of(text,
                               [](char c) { return is_lower_or_digit(c) || c == '_' || c == '-'; });
}

std::optional<AccountName> parse_account_name(std::string_view text) {
    if (text.size() > limits::account_name_bytes_max) return std::nullopt;
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const AccountName both{text.substr(0, slash), text.substr(slash + 1)};
    if (!is_client_name(both.client) || !is_name(both.name)) return std::nullopt;
    return both;
}

Result<void> check_account_name(std::string_view text) {
    if (parse_account_name(text)) return {};
    if (text.size() > limits::account_name_bytes_max)
        return Error{errc::invalid_parameter,
                     fmt::format("account name \"{}\" is {} bytes long; at most {} are allowed",
                                 quoted(text), text.size(), limits::account_name_bytes_max)};
    return Error{
        errc::invalid_parameter,
        fmt::format("\"{}\" is not an account name; write CLIENT/NAME, as shop/main: "
                    "CLIENT is a [clients.CLIENT] section (a-z 0-9 _ -), NAME has letters, "
                    "digits and . _ @ + -, at most 64 each",
                    quoted(text))};
}

}  // namespace tb::daemon
