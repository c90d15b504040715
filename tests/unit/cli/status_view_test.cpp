// What status shows: the table, its notes, its colours.
#include "cli/status_view.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include "cli/table.hpp"

using namespace tb::cli;

namespace {

constexpr std::int64_t now_ms = 1'700'000'000'000;

const boost::json::object daemon_object =
    boost::json::parse(R"({"version":"0.1.0","pid":7,"started_at_ms":1699999940000,"accounts":2,
        "exchanges_in_flight":1,"connections":3,"alarms":[]})")
        .as_object();
const boost::json::object fresh =
    boost::json::parse(
        R"({"account":"shop/main","provider":"webroot","client":"shop","state":"fresh",
        "policy":"ahead","reason":"","generation":4,"remaining_ms":192000,"lifetime_ms":299000,
        "next_renewal_in_ms":100000,"next_renewal_why":"at 0.70 of its life",
        "last_success_at_ms":1699999893000,"failures_in_row":0,"grant_expires_at_ms":1701123200000,
        "hand_outs":45,"waiters":2,"watchers":1,"refusals":0,"renewals":3,
        "attributes":{"user":"u"}})")
        .as_object();
const boost::json::object sick =
    boost::json::parse(R"({"account":"shop/other","state":"login_required","generation":9,
        "reason":"shop/other: refused\u001b[31m; run: x","next_renewal_why":"never by itself",
        "last_failure_at_ms":1699999999000,"last_failure":"http_503","failures_in_row":3,
        "grant_expires_at_ms":1699999000000,"blocked_for_ms":30000,"blocked_why":"Retry-After",
        "replacement":"shop/other: reset by peer",
        "outcome_unknown_since_ms":1699999990000})")
        .as_object();

}  // namespace

BOOST_AUTO_TEST_CASE(a_table_of_accounts) {
    const std::string text = StatusPages({now_ms, false}).page(daemon_object, {fresh, sick});
    const std::string expected =
        "tokenbrokerd 0.1.0 (pid 7), up 1m00s: 2 accounts, 1 renewals in flight, 3 connections\n"
        "\n"
        "ACCOUNT     STATE           LEFT   GEN  NEXT RENEWAL                   LAST RENEWAL"
        "                GRANT             USE\n"
        "shop/main   fresh           3m12s  4    in 1m40s: at 0.70 of its life  ok 1m47s ago"
        "                13d0h left        45 got, 2 waiting, 1 watching\n"
        "shop/other  login_required  -      9    never by itself                failed 1s ago"
        " (3 in a row)  ended 16m40s ago  0 got, 0 waiting, 0 watching\n"
        "    shop/other: refused?[31m; run: x\n"
        "    outcome of a renewal unknown since 10s ago\n"
        "    blocked for 30s: Retry-After\n"
        "    a new grant for it is being tried: shop/other: reset by peer\n"
        "    http_503\n";
    BOOST_TEST(text == expected);
}

BOOST_AUTO_TEST_CASE(colours_do_not_move_columns) {
    const std::string plain = StatusPages({now_ms, false}).page(daemon_object, {fresh, sick});
    std::string painted = StatusPages({now_ms, true}).page(daemon_object, {fresh, sick});
    BOOST_TEST(painted.find("\x1b[32mfresh\x1b[0m") != std::string::npos);
    BOOST_TEST(painted.find("\x1b[1;31mlogin_required\x1b[0m") != std::string::npos);
    for (auto at = painted.find('\x1b'); at != std::string::npos; at = painted.find('\x1b'))
        painted.erase(at, painted.find('m', at) - at + 1);
    BOOST_TEST(painted == plain);
}

BOOST_AUTO_TEST_CASE(alarms_come_first_and_nothing_is_assumed_to_be_there) {
    boost::json::object red = daemon_object;
    red["alarms"] = boost::json::array{"the disk is full"};
    const std::string text = StatusPages({now_ms, false}).page(red, {});
    BOOST_TEST(text.find("\nALARM: the disk is full\n") != std::string::npos);
    BOOST_TEST(text.find("No accounts yet") != std::string::npos);
    const std::string bare = StatusPages({now_ms, false}).page({}, {boost::json::object{}, 7});
    BOOST_TEST(bare.find("0 got") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_account_in_full) {
    const std::string text = account_text(fresh, {now_ms, false});
    BOOST_TEST(text.find("policy         ahead\n") != std::string::npos);
    BOOST_TEST(text.find("time left      3m12s\n") != std::string::npos);
    BOOST_TEST(text.find("attribute      user = u\n") != std::string::npos);
    const std::string bad = account_text(sick, {now_ms, false});
    BOOST_TEST(bad.find("               blocked for 30s: Retry-After\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_column_is_as_wide_as_its_characters) {
    Table table({"A", "B"});
    table.add({{"\xc3\xa9\xc3\xa9\xc3\xa9"}, {"x"}});
    table.add({{"abcd"}, {"y"}});
    BOOST_TEST(table.take(false) == "A     B\n\xc3\xa9\xc3\xa9\xc3\xa9   x\nabcd  y\n");
}

BOOST_AUTO_TEST_CASE(later_pages_have_no_titles_and_columns_at_least_as_wide) {
    StatusPages pages({now_ms, false});
    const std::string first = pages.page(daemon_object, {fresh});
    const std::string second = pages.page(daemon_object, {fresh, sick});
    BOOST_TEST(first.find("ACCOUNT") != std::string::npos);
    BOOST_TEST(second.find("ACCOUNT") == std::string::npos);
    BOOST_TEST(second.find("tokenbrokerd") == std::string::npos);
    BOOST_TEST(second.rfind("shop/main", 0) == 0U);
    BOOST_TEST(second.find("shop/other") != std::string::npos);
    BOOST_TEST(pages.page(daemon_object, {}).empty());
}
