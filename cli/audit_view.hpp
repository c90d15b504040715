// What `audit` prints of the daemon's AuditRow objects, and how it reads a time. Pure but for the
// time zone.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tb::cli {

// One line, ended: when, what came of it, for which account, who, how, and why.
std::string audit_line(const boost::json::object& row, bool colours);

// "2h" (that long ago), "2026-11-22", "2026-11-22 03:00", "2026-11-22T03:00:59" (this host's time),
// the same with Z (UTC), "@1763780400" (seconds): milliseconds since the Unix epoch.
std::optional<std::int64_t> parse_since(std::string_view text, std::int64_t now_ms);

}  // namespace tb::cli
