// See audit_view.hpp. Lines, not a table: with --follow nobody knows how wide the next one is, and
// a line can be grepped.
#include "cli/audit_view.hpp"

#include <fmt/format.h>
#include <time.h>

#include <array>
#include <charconv>
#include <cstdlib>

#include "cli/json.hpp"
#include "cli/table.hpp"

namespace tb::cli {
namespace {

using boost::json::object;

std::string local_time(std::int64_t at_ms) {
    const time_t seconds = static_cast<time_t>(at_ms / 1000);
    tm parts{};
    ::localtime_r(&seconds, &parts);
    std::array<char, 32> out{};
    const std::size_t n = ::strftime(out.data(), out.size(), "%Y-%m-%d %H:%M:%S", &parts);
    return {out.data(), n};
}

Colour colour_of(std::string_view verdict) {
    if (verdict == "refused" || verdict == "failed" || verdict == "login_required" ||
        verdict == "lost_rotation" || verdict == "origin_paused")
        return Colour::bad;
    if (verdict == "more" || verdict == "dropped" || verdict == "outcome_unknown" ||
        verdict == "not_given_back" || verdict == "not_replaced")
        return Colour::warning;
    return verdict == "recovered" ? Colour::good : Colour::none;
}

std::string who(const object& row) {
    const auto uid = number(row, "uid");
    if (!uid) return "the daemon";
    std::string out = fmt::format("uid {}", *uid);
    if (const auto pid = number(row, "pid")) out += fmt::format(" pid {}", *pid);
    for (const std::string_view fact : {"unit", "exe"})
        if (const auto value = text(row, fact); !value.empty())
            out.append(" ").append(printable(value));
    return out;
}

}  // namespace

std::string audit_line(const object& row, bool colours) {
    const std::string_view verdict = text(row, "verdict");
    const std::string_view account = text(row, "account");
    std::string what(verdict);
    const std::int64_t count = number(row, "count").value_or(1);
    if (count > 1) what += fmt::format(" x{}", count);
    const std::string padding(what.size() < 16 ? 16 - what.size() : 0, ' ');
    std::string line =
        fmt::format("{}  {}{} {:<24} {}", local_time(number(row, "at_ms").value_or(0)),
                    coloured({printable(what), colour_of(verdict)}, colours), padding,
                    account.empty() ? "-" : printable(account), who(row));
    if (const auto method = text(row, "method"); !method.empty())
        line += fmt::format("  {}", printable(method));
    if (const auto generation = number(row, "generation"); generation && *generation > 0)
        line += fmt::format("  generation {}", *generation);
    if (const auto detail = text(row, "detail"); !detail.empty())
        line += fmt::format("  ({})", printable(detail));
    line += '\n';
    return line;
}

std::optional<std::int64_t> parse_since(std::string_view text, std::int64_t now_ms) {
    if (const auto ago = parse_duration(text)) return now_ms - *ago;
    std::string rest(text);
    if (rest.starts_with('@')) {
        std::int64_t seconds = 0;
        const char* end = rest.data() + rest.size();
        const auto [stop, error] = std::from_chars(rest.data() + 1, end, seconds);
        const bool good =
            error == std::errc() && stop == end && seconds >= 0 && seconds < std::int64_t{1} << 40;
        return good ? std::optional(seconds * 1000) : std::nullopt;
    }
    const bool utc = rest.ends_with('Z');
    if (utc) rest.pop_back();
    for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                             "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
        tm parts{};
        parts.tm_isdst = -1;
        const char* end = ::strptime(rest.c_str(), form, &parts);
        if (end == nullptr || *end != '\0') continue;
        const time_t seconds = utc ? ::timegm(&parts) : ::mktime(&parts);
        if (seconds != static_cast<time_t>(-1)) return std::int64_t{seconds} * 1000;
    }
    return std::nullopt;
}

}  // namespace tb::cli
