// Small reads from a reply and small words for people. Pure.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tb::cli {

// Empty, nullopt, nullptr, false where the member is absent, null or of another type.
std::string_view text(const boost::json::object& object, std::string_view name);
std::optional<std::int64_t> number(const boost::json::object& object, std::string_view name);
bool flag(const boost::json::object& object, std::string_view name);
const boost::json::array* list(const boost::json::object& object, std::string_view name);
const boost::json::object* member(const boost::json::object& object, std::string_view name);

// "90", "500ms", "60s", "5m", "2h", "1d", "1h30m" in milliseconds; a bare number is seconds.
// nullopt: not a duration, negative, or more than ten years.
std::optional<std::int64_t> parse_duration(std::string_view text);
// At most two units: "0.4s", "42s", "4m59s", "3h12m", "13d4h".
std::string format_duration(std::int64_t ms);

// Control characters become '?': what a provider wrote can't drive the terminal.
std::string printable(std::string_view text);

}  // namespace tb::cli
