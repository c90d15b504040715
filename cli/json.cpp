// Replies are read leniently: a member that an older daemon doesn't send shows as absent, never as
// an error.
#include "cli/json.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "base/limits.hpp"

namespace tb::cli {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t ms;
};
constexpr std::array units{Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                           Unit{"d", 86'400'000}};
constexpr std::int64_t longest_ms = limits::lifetime_max_ms.count();  // no token lives longer
static_assert(longest_ms == std::int64_t{3'650} * 86'400'000,
              "the help and the man page say 3650d");

// Takes the digits at the front of `rest`; nullopt if there are none or too many.
std::optional<std::int64_t> take_number(std::string_view& rest) {
    std::size_t digits = 0;
    std::int64_t value = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') {
        value = value * 10 + (rest[digits] - '0');
        if (++digits > 12) return std::nullopt;
    }
    if (digits == 0) return std::nullopt;
    rest.remove_prefix(digits);
    return value;
}

std::optional<std::int64_t> take_unit(std::string_view& rest) {
    std::size_t letters = 0;
    while (letters < rest.size() && (rest[letters] < '0' || rest[letters] > '9'))
        ++letters;
    const std::string_view name = rest.substr(0, letters);
    rest.remove_prefix(letters);
    for (const Unit& unit : units)
        if (unit.name == name) return unit.ms;
    return std::nullopt;
}

}  // namespace

std::string_view text(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

std::optional<std::int64_t> number(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_int64()) return value->get_int64();
    if (value->is_uint64()) return std::numeric_limits<std::int64_t>::max();
    return std::nullopt;
}

bool flag(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

const boost::json::array* list(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr ? value->if_array() : nullptr;
}

const boost::json::object* member(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr ? value->if_object() : nullptr;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
    std::int64_t total_ms = 0;
    std::int64_t last_unit_ms = std::numeric_limits<std::int64_t>::max();
    std::string_view rest = text;
    if (rest.empty()) return std::nullopt;
    while (!rest.empty()) {
        const auto value = take_number(rest);
        if (!value) return std::nullopt;
        const bool bare = rest.empty() && last_unit_ms == std::numeric_limits<std::int64_t>::max();
        const auto unit_ms = bare ? std::optional<std::int64_t>(1'000) : take_unit(rest);
        // Units get smaller from left to right: "1m1h" is a slip of the hand.
        if (!unit_ms || *unit_ms >= last_unit_ms) return std::nullopt;
        last_unit_ms = *unit_ms;
        if (*value > longest_ms / *unit_ms) return std::nullopt;
        total_ms += *value * *unit_ms;
        if (total_ms > longest_ms) return std::nullopt;
    }
    return total_ms;
}

std::string format_duration(std::int64_t ms) {
    if (ms < 0) ms = 0;
    const std::int64_t seconds = ms / 1'000;
    if (seconds < 10 && ms % 1'000 != 0) return fmt::format("{}.{}s", seconds, ms % 1'000 / 100);
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3'600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    if (seconds < 86'400) return fmt::format("{}h{:02}m", seconds / 3'600, seconds % 3'600 / 60);
    return fmt::format("{}d{}h", seconds / 86'400, seconds % 86'400 / 3'600);
}

std::string printable(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\n') || byte == 0x7f) c = '?';
    }
    return result;
}

}  // namespace tb::cli
