// Walks over many accounts or watches end each turn of the brain after a count or a time, whichever
// comes first: here the time, by a clock that is a millisecond on at each look. Then a turn is one
// account long, and so there are at least as many turns as accounts.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <set>

#include "base/limits.hpp"
#include "daemon/diagnose.hpp"
#include "tests/unit/daemon/bench.hpp"
#include "tests/unit/daemon/creeping_clock.hpp"

namespace tb::test {
namespace {

struct Slow : Bench {
    static constexpr std::size_t count = 60;
    Slow() {
        daemons_clock = &creeping;
        client("shop", "threekit").settings.client_id = "before";
        for (std::size_t i = 0; i < count; ++i)
            account(name(i), "threekit");
    }
    ~Slow() { end(); }  // while its clock is there
    static std::string name(std::size_t i) { return fmt::format("shop/u{:05}", i); }
    // How many turns others had until it was done.
    template <class Done>
    std::size_t turns_until(Done done) {
        turns_ = 0;
        creeping.creeps = true;
        next_turn(done);
        settle();
        creeping.creeps = false;
        return turns_;
    }
    template <class Done>
    void next_turn(Done done) {
        if (done() || ++turns_ > 100 * count) return;
        asio::post(context.get_executor(), [this, done] { next_turn(done); });
    }
    // Every account of GetStatus, page by page; how many pages.
    std::pair<std::set<std::string>, std::size_t> status(boost::json::object parameters) {
        std::set<std::string> names;
        std::size_t pages = 0;
        for (bool more = true; more && pages <= 2 * count; ++pages) {
            const proto::Reply page = call(admin + "GetStatus", parameters);
            BOOST_REQUIRE(page.error == "");
            for (const auto& one : page.parameters.at("accounts").as_array())
                BOOST_TEST(names.emplace(one.at("account").as_string()).second);
            const auto* next = page.parameters.if_contains("next");
            more = next != nullptr;
            if (more) parameters["after"] = *next;
        }
        return {names, pages};
    }
    CreepingClock creeping{clock};

  private:
    std::size_t turns_ = 0;
};

awaitable<void> touch(daemon::Broker* broker, bool* ended) {
    co_await broker->touch();
    *ended = true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(turns)

BOOST_AUTO_TEST_CASE(a_turn_ends_by_count_or_by_time_but_gets_on) {
    sim::SimClock still;
    daemon::Turn by_count(still);
    std::size_t steps = 0;
    while (by_count.more())
        ++steps;
    BOOST_TEST(steps == limits::accounts_per_turn);
    CreepingClock creeping(still);
    creeping.creeps = true;
    daemon::Turn by_time(creeping);
    for (steps = 0; by_time.more();)
        ++steps;
    BOOST_TEST(steps == 1U);
    creeping.creeps = false;
    daemon::Turn suspended(creeping);
    still.suspend(limits::turn_ms_max);
    BOOST_TEST(suspended.more());
    BOOST_TEST(!suspended.more());
}

BOOST_FIXTURE_TEST_CASE(a_page_of_a_status, Slow) {
    begin();
    const auto [at_once, one_page] = status({{"limit", limits::status_page_max}});
    BOOST_TEST(at_once.size() == count);
    BOOST_TEST(one_page == 1U);
    creeping.creeps = true;
    const auto [all, pages] = status({{"limit", limits::status_page_max}});
    BOOST_TEST(all.size() == count);
    BOOST_TEST(pages == count);
    // Those that were named, too; a page that can't hold them all says where to go on.
    boost::json::array named;
    for (std::size_t i = count; i > 0; i -= 3)
        named.emplace_back(name(i - 1));
    named.emplace_back(named.front());
    const auto [some, pages_of_some] = status({{"accounts", named}});
    BOOST_TEST(some.size() == count / 3);
    BOOST_TEST(pages_of_some == count / 3);
}

BOOST_FIXTURE_TEST_CASE(named_accounts_that_fill_more_than_a_frame_are_all_told, Bench) {
    client("shop", "threekit");
    boost::json::array named;
    for (std::size_t i = 0; i < 600; ++i) {
        account(fmt::format("shop/u{:05}", i), "threekit");
        named.emplace_back(fmt::format("shop/u{:05}", i));
    }
    begin();
    std::size_t told = 0;
    boost::json::object parameters{{"accounts", named}, {"limit", 600}};
    for (int page = 0; page < 100; ++page) {
        const proto::Reply reply = call(admin + "GetStatus", parameters);
        BOOST_REQUIRE(reply.error == "");
        told += reply.parameters.at("accounts").as_array().size();
        const auto* next = reply.parameters.if_contains("next");
        if (next == nullptr) break;
        parameters["after"] = *next;
    }
    BOOST_TEST(told == 600U);
}

BOOST_FIXTURE_TEST_CASE(a_list, Slow) {
    begin();
    const auto wire = post(tokens + "ListAccounts", {}, 0, true);
    BOOST_TEST(turns_until([&] { return !wire->to_caller.empty(); }) >= count);
    const auto reply = taken(wire);
    BOOST_REQUIRE(reply.has_value());
    BOOST_TEST(reply->parameters.at("accounts").as_array().size() == count);
}

BOOST_FIXTURE_TEST_CASE(a_reload_and_what_it_means_for_watches, Slow) {
    begin();
    boost::json::array names;
    for (std::size_t i = 0; i < count; ++i)
        names.emplace_back(name(i));
    const auto watch = send(tokens + "WatchTokens", {{"accounts", names}}, 1000, true);
    config.access.clear();
    bool done = false;
    app->admin().reload([&](const auto& mistakes, const auto&) {
        BOOST_TEST(mistakes.empty());
        done = true;
    });
    // The first watch is judged in the turn of the last account.
    BOOST_TEST(turns_until([&] { return done; }) >= 2 * count - 1);
    for (std::size_t i = 0; i < count; ++i)
        BOOST_TEST(find(name(i)).watches.empty());
}

BOOST_FIXTURE_TEST_CASE(what_many_watchers_of_one_account_are_told, Slow) {
    begin();
    std::vector<std::shared_ptr<sim::Wire>> wires;
    for (std::size_t i = 0; i < count; ++i) {
        wires.push_back(send(tokens + "WatchTokens", {{"accounts", {name(0)}}}, 1000, true));
        (void)sim::caller_take(wires.back());
    }
    const auto all_told = [&] {
        return std::ranges::none_of(wires, [](const auto& one) { return one->to_caller.empty(); });
    };
    const auto take = [&](std::string_view event) {
        for (const auto& wire : wires) {
            const std::string bytes = sim::caller_take(wire);
            BOOST_TEST(bytes.find(event) != std::string::npos, bytes);
            BOOST_TEST(std::ranges::count(bytes, '\0') == 1);
        }
    };
    creeping.creeps = true;
    // A second change before all know of the first: the newest state is told, once.
    app->broker().notify(find(name(0)), "expiring_unrenewed", {});
    app->broker().notify(find(name(0)), "new_token", {});
    sim::caller_close(wires.back());
    wires.pop_back();
    BOOST_TEST(turns_until(all_told) >= count - 3);
    BOOST_TEST(sim::caller_take(wires.front()).find("expiring_unrenewed") != std::string::npos);
    wires.erase(wires.begin());
    take("new_token");
    const auto gone = app->accounts().share(name(0));
    app->accounts().remove(*gone);
    creeping.creeps = true;
    app->broker().forget(gone, "removed");
    BOOST_TEST(gone->watches.empty());
    wires.erase(wires.begin());
    BOOST_TEST(turns_until(all_told) >= count - 4);
    take("removed");
}

// However many lists one user has made: they share one turn a time around, and another's is told
// as if there were one of his.
BOOST_FIXTURE_TEST_CASE(many_lists_at_once, Slow) {
    begin();
    std::vector<std::shared_ptr<sim::Wire>> wires;
    for (std::size_t i = 0; i < 20; ++i)
        wires.push_back(post(tokens + "ListAccounts", {}, 1000));
    const auto others = post(tokens + "ListAccounts", {}, 0);
    const std::size_t turns = turns_until([&] { return !others->to_caller.empty(); });
    BOOST_TEST(turns >= 2 * count - 2);
    BOOST_TEST(turns <= 2 * count + 12);
    for (const auto& wire : wires)
        BOOST_TEST(taken(wire)->parameters.at("accounts").as_array().size() == count);
}

BOOST_FIXTURE_TEST_CASE(last_uses, Slow) {
    begin();
    for (std::size_t i = 0; i < count; ++i)
        find(name(i)).slot.last_read = creeping.now();
    bool done = false;
    spawn(context.get_executor(), "touch", touch(&app->broker(), &done));
    BOOST_TEST(turns_until([&] { return done; }) >= count);
    for (const auto& [id, row] : disk.rows)
        BOOST_TEST(row.record.last_used.has_value(), row.record.name);
}

BOOST_FIXTURE_TEST_CASE(a_doctor, Slow) {
    config.access[0].accounts = {"shop/u0005?", "s*/none", "nobody/*", "shop/u00001"};
    begin();
    find(name(7)).state = storage::GrantState::misconfigured;
    daemon::AccountsWalk accounts;
    daemon::Findings found;
    std::size_t turns = 0;
    creeping.creeps = true;
    for (; !accounts.ended; ++turns)
        for (auto& one : daemon::judge_some_accounts(accounts, app->accounts(), app->broker(),
                                                     daemon::Turn(creeping)))
            found.push_back(std::move(one));
    BOOST_TEST(turns == count);
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found[0].run.ends_with(name(7)));
    daemon::RulesWalk rules{app->accounts().config()};
    found.clear();
    for (turns = 0; !rules.ended && turns < 100 * count; ++turns)
        for (auto& one : daemon::judge_some_rules(rules, app->accounts(), daemon::Turn(creeping)))
            found.push_back(std::move(one));
    BOOST_TEST(turns >= count);  // the second pattern is held against each
    BOOST_REQUIRE(found.size() == 2U);
    BOOST_TEST(found[0].what.find("\"s*/none\"") != std::string::npos);
    BOOST_TEST(found[1].what.find("\"nobody/*\"") != std::string::npos);
}

// A million that wait for their origin, and a reload that leaves none of them a client.
BOOST_FIXTURE_TEST_CASE(a_queue_of_accounts_that_nobody_wants_any_more, Bench) {
    constexpr std::size_t many = 3 * limits::accounts_per_turn;
    client("shop", "webroot");
    for (std::size_t i = 0; i < many; ++i)
        account(fmt::format("shop/u{:05}", i), "webroot");
    https.answer = [this](const Sent&) { return https.reply(503, "busy"); };
    begin();
    pass(100ms);
    const auto queued = [&] {
        std::size_t n = 0;
        app->accounts().each(
            [&n](const std::shared_ptr<daemon::Account>& one) { n += one->slot.queued ? 1 : 0; });
        return n;
    };
    BOOST_REQUIRE(queued() > 2 * limits::accounts_per_turn);
    config.clients.clear();
    const std::size_t before = queued();
    BOOST_TEST(call(admin + "Reload", {}).error == "");
    const std::size_t left = queued();
    BOOST_TEST(left >= before - limits::accounts_per_turn - 1);
    BOOST_TEST(left > 0U);
    pass(10ms);
    BOOST_TEST(queued() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::test
