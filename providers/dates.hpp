// Times as providers write them: HTTP dates, Retry-After, ISO 8601. Pure: the time of now comes in.
#pragma once

#include <optional>
#include <string_view>

#include "base/http.hpp"
#include "base/time.hpp"

namespace tb::providers {

// IMF-fixdate, RFC 850 or asctime (RFC 9110 section 5.6.7). `now` decides the century of an RFC 850
// year: the nearest that is not more than 50 years ahead.
std::optional<WallTime> parse_http_date(std::string_view text, WallTime now);

// Delta seconds or an HTTP date, which counts from `date` (the reply's own Date). Capped at
// limits::retry_after_max_ms. A date that has passed, or anything else: nullopt.
std::optional<Millis> parse_retry_after(std::string_view text, WallTime date);

struct IsoTime {
    WallTime at;
    bool no_zone = false;  // taken as UTC; worth a warning
};
// 2026-03-01T12:00:00[.1234567][Z|+hh:mm]; cut to milliseconds.
std::optional<IsoTime> parse_iso8601(std::string_view text);

// When the reply was made: its Date if that parses, else when we received it.
WallTime date_of(const http::Reply& reply);
// The server's own clock; nullopt: it says nothing of it.
std::optional<WallTime> told_date_of(const http::Reply& reply);
// What its Retry-After asks for.
std::optional<Millis> retry_after_of(const http::Reply& reply);

}  // namespace tb::providers
