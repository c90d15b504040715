// Times on the wire: section 0.3, the fault forms of section 7.2, vectors 4.4, 4.5 and 6.6.
#include "providers/dates.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/unit/providers/support.hpp"

using namespace tb;
using namespace tb::providers;

namespace {
const WallTime now = wall_from_ms(1'700'000'000'000);  // 14 November 2023

std::int64_t seconds(std::optional<WallTime> at) {
    return at ? to_ms(*at) / 1'000 : -1;
}
std::int64_t after(std::string_view text) {
    const auto wait = parse_retry_after(text, now);
    return wait ? wait->count() : -1;
}
std::int64_t iso_ms(std::string_view text) {
    const auto time = parse_iso8601(text);
    return time ? to_ms(time->at) : -1;
}
}  // namespace

BOOST_AUTO_TEST_CASE(http_dates_in_three_forms) {
    BOOST_TEST(seconds(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now)) == 784'111'777);
    BOOST_TEST(seconds(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now)) == 784'111'777);
    BOOST_TEST(seconds(parse_http_date("Sun Nov  6 08:49:37 1994", now)) == 784'111'777);
    BOOST_TEST(seconds(parse_http_date(" Sun, 06 Nov 1994 08:49:37 GMT ", now)) == 784'111'777);
    BOOST_TEST(seconds(parse_http_date("Wed Nov 16 08:49:37 1994", now)) == 784'975'777);
    // A year of two digits is at most 50 years ahead.
    BOOST_TEST(seconds(parse_http_date("Sunday, 06-Nov-73 08:49:37 GMT", now)) ==
               seconds(parse_http_date("Mon, 06 Nov 2073 08:49:37 GMT", now)));
    BOOST_TEST(seconds(parse_http_date("Sunday, 06-Nov-74 08:49:37 GMT", now)) ==
               seconds(parse_http_date("Mon, 06 Nov 1974 08:49:37 GMT", now)));
    BOOST_TEST(seconds(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", now)) == 1'483'228'799);
    for (const char* wrong :
         {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
          "Xyz, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 GMTx", "Sun, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z",
          "Sun, 06 Nov 1969 08:49:37 GMT"})
        BOOST_TEST(!parse_http_date(wrong, now).has_value(), wrong);
}

BOOST_AUTO_TEST_CASE(retry_after) {
    BOOST_TEST(after("0") == 0);
    BOOST_TEST(after("7") == 7'000);
    BOOST_TEST(after(" 30 ") == 30'000);
    BOOST_TEST(after("99999999") == 3'600'000);
    BOOST_TEST(after("99999999999999999999999999") == 3'600'000);
    BOOST_TEST(after("Tue, 14 Nov 2023 22:13:50 GMT") == 30'000);
    BOOST_TEST(after("Tuesday, 14-Nov-23 22:13:50 GMT") == 30'000);
    BOOST_TEST(after("Tue Nov 14 22:13:50 2023") == 30'000);
    BOOST_TEST(after("Wed, 15 Nov 2023 22:13:50 GMT") == 3'600'000);
    for (const char* none : {"", "-1", "abc", "1.5", "7 s", "+7", "0x7",
                             "Tue, 14 Nov 2023 22:13:20 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"})
        BOOST_TEST(after(none) == -1, none);
}

BOOST_AUTO_TEST_CASE(a_reply_counts_from_its_own_date) {
    auto r = test::reply(503, "",
                         {{"retry-after", "Tue, 25 Jan 2022 07:24:42 GMT"},
                          {"date", "Tue, 25 Jan 2022 07:24:12 GMT"}});
    BOOST_TEST(retry_after_of(r)->count() == 30'000);
    BOOST_TEST(seconds(date_of(r)) == 1'643'095'452);
    r.headers[1].second = "yesterday";  // no usable Date: when it came
    BOOST_TEST((date_of(r) == r.received_wall));
    BOOST_TEST(!retry_after_of(r).has_value());
    r.headers.clear();
    BOOST_TEST((date_of(r) == r.received_wall));
}

BOOST_AUTO_TEST_CASE(iso_8601) {
    BOOST_TEST(iso_ms("2022-01-26T07:24:12Z") == 1'643'181'852'000);          // 4.4
    BOOST_TEST(iso_ms("2026-03-01T12:00:00.1234567Z") == 1'772'366'400'123);  // 4.5
    BOOST_TEST(iso_ms("2026-03-01T12:00:00.123+00:00") == 1'772'366'400'123);
    BOOST_TEST(iso_ms("2026-03-01T14:00:00+02:00") == 1'772'366'400'000);
    BOOST_TEST(iso_ms("2026-03-01T09:30:00-02:30") == 1'772'366'400'000);
    BOOST_TEST(iso_ms("2026-03-01T12:00:00.5") == 1'772'366'400'500);
    BOOST_TEST(parse_iso8601("2026-03-01T12:00:00")->no_zone);
    BOOST_TEST(!parse_iso8601("2026-03-01T12:00:00Z")->no_zone);
    BOOST_TEST(iso_ms("2020-04-30T22:34:43.549Z") / 1'000 == 1'588'286'083);  // 6.6
    for (const char* wrong :
         {"", "2026-02-30T12:00:00Z", "2026-03-01", "2026-03-01T12:00Z", "2026-3-1T12:00:00Z",
          "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00Zx", "2026-03-01T12:00:00+0200",
          "2026-03-01T12:00:00+24:00", "2026-13-01T12:00:00Z", "20260301T120000Z", "1588286083"})
        BOOST_TEST(iso_ms(wrong) == -1, wrong);
}
