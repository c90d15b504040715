// What audit and doctor print, and the times that audit takes.
#include <sys/stat.h>
#include <time.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "cli/audit_view.hpp"
#include "cli/doctor_view.hpp"
#include "cli/json.hpp"

namespace tb::cli {
namespace {
struct Utc {
    Utc() {
        setenv("TZ", "UTC", 1);
        tzset();
    }
};
constexpr std::int64_t read_at_ms = 1'700'000'000'000;  // 2023-11-14 22:13:20 UTC
}  // namespace

BOOST_FIXTURE_TEST_SUITE(audit_view, Utc)

BOOST_AUTO_TEST_CASE(a_row_is_a_line) {
    const boost::json::object row{
        {"at_ms", read_at_ms}, {"verdict", "refused"},  {"account", "shop/main"},
        {"uid", 1001},         {"pid", 4711},           {"method", "GetToken"},
        {"count", 1},          {"exe", "/usr/games/x"}, {"detail", "a.toml:3 allows\x1b uid:5"}};
    BOOST_TEST(audit_line(row, false) ==
               "2023-11-14 22:13:20  refused          shop/main                uid 1001 pid 4711 "
               "/usr/games/x  GetToken  (a.toml:3 allows? uid:5)\n");
    BOOST_TEST(audit_line(row, true).find("\x1b[1;31mrefused") != std::string::npos);
    const boost::json::object more{{"at_ms", read_at_ms}, {"verdict", "more"}, {"count", 1234}};
    BOOST_TEST(audit_line(more, false) ==
               "2023-11-14 22:13:20  more x1234       -                        the daemon\n");
    const boost::json::object kept{{"at_ms", read_at_ms}, {"verdict", "not_replaced"}};
    BOOST_TEST(audit_line(kept, true).find("\x1b[33mnot_replaced") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(times) {
    BOOST_TEST(parse_since("2h", read_at_ms).value() == read_at_ms - 7'200'000);
    BOOST_TEST(parse_since("@1700000000", read_at_ms).value() == read_at_ms);
    for (const char* text : {"2023-11-14 22:13:20", "2023-11-14T22:13:20", "2023-11-14T22:13:20Z"})
        BOOST_TEST(parse_since(text, 0).value() == read_at_ms);
    BOOST_TEST(parse_since("2023-11-14 22:13", 0).value() == read_at_ms - 20'000);
    BOOST_TEST(parse_since("2023-11-14", 0).value() == read_at_ms - 80'000'000);
    for (const char* text : {"", "yesterday", "2023-13-01", "2023-11-14 22:13 x", "@", "@x", "-2h"})
        BOOST_TEST(!parse_since(text, read_at_ms).has_value(), text);
}

BOOST_AUTO_TEST_CASE(a_finding_says_why_and_what_to_run) {
    const auto bad = finding("key", "problem", "it is gone", "no grant opens", "put it back");
    BOOST_TEST(is_problem(bad));
    BOOST_TEST(finding_text(bad, false) ==
               "PROBLEM  key          it is gone\n"
               "                      why: no grant opens\n"
               "                      run: put it back\n");
    BOOST_TEST(!is_problem(finding("key", "note", "x")));
    BOOST_TEST(finding_text(finding("key", "ok", "fine"), false) == "ok       key          fine\n");
}

BOOST_AUTO_TEST_CASE(sockets_as_a_client_sees_them) {
    SocketFact fact;
    fact.path = "/run/tokenbroker/tokens.sock";
    fact.chosen_by = "the system's";
    BOOST_TEST(is_problem(judge_socket(fact)));
    fact.there = true;
    fact.mode = S_IFREG;
    BOOST_TEST(is_problem(judge_socket(fact)));
    fact.mode = S_IFSOCK | 0666;
    fact.error = "nobody listens";
    BOOST_TEST(std::string(text(judge_socket(fact), "what")).find("nobody listens") !=
               std::string::npos);
    fact.answers = true;
    BOOST_TEST(text(judge_socket(fact), "level") == "ok");
    fact.uid = 1000;
    fact.own_uid = 1001;
    BOOST_TEST(text(judge_socket(fact), "level") == "note");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::cli
