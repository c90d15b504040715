// More accounts than one turn of the brain looks at: nothing is left out, and who waits comes
// first.
#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <set>

#include "base/limits.hpp"
#include "tests/unit/daemon/bench.hpp"

using namespace tb;
using namespace tb::test;

namespace {

struct Many : Bench {
    void add(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            account(fmt::format("shop/u{:05}", i), "webroot");
    }
    // Every frame of a call with `more`.
    std::vector<proto::Reply> all(const std::string& method, uid_t uid) {
        const auto wire = send(method, {}, uid, true);
        std::string bytes;
        std::vector<proto::Reply> replies;
        for (int i = 0; i < 10'000 && (replies.empty() || replies.back().continues); ++i) {
            settle();
            bytes += sim::caller_take(wire);
            for (std::size_t nul = 0; (nul = bytes.find('\0')) != std::string::npos;) {
                auto reply = proto::parse_reply(std::string_view(bytes).substr(0, nul));
                BOOST_REQUIRE(reply.has_value());
                replies.push_back(std::move(*reply));
                bytes.erase(0, nul + 1);
            }
        }
        sim::caller_close(wire);
        return replies;
    }
};

std::set<std::string> names_in(const std::vector<proto::Reply>& replies) {
    std::set<std::string> names;
    for (const proto::Reply& reply : replies)
        for (const auto& one : reply.parameters.at("accounts").as_array())
            names.emplace(one.at("account").as_string());
    return names;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_list_goes_on_over_frames_and_turns, Many) {
    const std::size_t count = 4 * limits::accounts_per_turn + 7;
    client("shop", "webroot").policy = providers::Policy::on_demand;
    add(count);
    begin();
    const auto replies = all(tokens + "ListAccounts", 0);
    BOOST_TEST(replies.size() > 1U);
    BOOST_TEST(names_in(replies).size() == count);
    // Who may see none of them learns none, and no name of a place in the list.
    const auto nothing = all(tokens + "ListAccounts", 4242);
    BOOST_TEST(nothing.size() == 1U);
    BOOST_TEST(names_in(nothing).empty());
    // Without `more` there is one frame.
    const proto::Reply one = call(tokens + "ListAccounts", {});
    BOOST_TEST(one.parameters.at("accounts").as_array().size() > limits::accounts_per_turn);
}

BOOST_FIXTURE_TEST_CASE(more_last_uses_than_touches_per_commit_max_are_all_stored, Many) {
    const std::size_t count = limits::touches_per_commit_max + limits::accounts_per_turn + 1;
    client("shop", "webroot");
    add(count);
    begin();
    pass(Millis{30'000});
    for (std::size_t i = 0; i < count; ++i)
        BOOST_REQUIRE(
            call(tokens + "GetToken", {{"account", fmt::format("shop/u{:05}", i)}}).error.empty());
    pass(Millis{65'000});
    for (const auto& [id, row] : disk.rows)
        BOOST_TEST(row.record.last_used.has_value(), row.record.name);
}

BOOST_FIXTURE_TEST_CASE(in_a_herd_the_cap_holds_and_whom_somebody_waits_for_comes_first, Many) {
    client("shop", "webroot");
    add(300);
    https.latency = Millis{1'000};
    begin();
    settle();
    const auto wire =
        send(tokens + "GetToken", {{"account", "shop/u00299"}, {"timeout_ms", 60'000}});
    pass(Millis{2'500});
    const auto reply = taken(wire);
    BOOST_REQUIRE(reply.has_value());
    BOOST_TEST(reply->error.empty(), reply->error);
    BOOST_TEST(https.sent.size() < 4U * limits::exchanges_per_origin_default);
    pass(Millis{60'000});
    BOOST_TEST(https.in_flight_most == limits::exchanges_per_origin_default);
    for (std::size_t i = 0; i < 300; ++i)
        BOOST_TEST(find(fmt::format("shop/u{:05}", i)).newest_generation > 0U);
    sim::caller_close(wire);
}
