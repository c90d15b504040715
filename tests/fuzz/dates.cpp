// Dates of any text: within their bounds, and a date that was read reads the same again when
// written in its normal form.
#include <fmt/chrono.h>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "providers/dates.hpp"

using namespace tb;
using namespace tb::providers;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const WallTime now = wall_from_ms(1'700'000'000'000);
    const auto wait = parse_retry_after(text, now);
    if (wait) TB_ASSERT(*wait >= Millis{0} && *wait <= limits::retry_after_max_ms);
    if (const auto date = parse_http_date(text, now)) {
        const auto written = fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}",
                                         fmt::gmtime(static_cast<time_t>(to_ms(*date) / 1'000)));
        TB_ASSERT(parse_http_date(written, now) == date);
    }
    if (const auto iso = parse_iso8601(text)) {
        // An offset may push a time of 1970 below zero; that is years before any token.
        if (to_ms(iso->at) < 0) return 0;
        const auto written = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                                         fmt::gmtime(static_cast<time_t>(to_ms(iso->at) / 1'000)),
                                         to_ms(iso->at) % 1'000);
        const auto again = parse_iso8601(written);
        // 9999-12-31 west of Greenwich becomes a year of five digits.
        TB_ASSERT((again && again->at == iso->at) || to_ms(iso->at) >= 253'402'300'800'000);
    }
    return 0;
}
