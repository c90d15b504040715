// A reload of more accounts than one turn of the brain looks at: each goes over from one
// configuration to the next in one step, readers have turns in between, and when Reload has
// answered nobody is served by what is gone.
#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "tests/unit/daemon/bench.hpp"

namespace tb::test {
namespace {

constexpr std::size_t count = 4 * limits::accounts_per_turn + 7;

struct Reload : Bench {
    Reload() {
        client("shop", "threekit").settings.client_id = "before";
        for (std::size_t i = 0; i < count; ++i)
            account(name(i), "threekit");
        begin();
    }
    static std::string name(std::size_t i) { return fmt::format("shop/u{:05}", i); }
    // The stranger's rule goes, and the client section has another id.
    void change() {
        config.access.clear();
        config.clients.at("shop").settings.client_id = "after";
    }
    bool is_new(std::size_t i) {
        const daemon::Account& one = find(name(i));
        const bool new_client = one.client->client->settings.client_id == "after";
        const bool new_rules = one.rules.begin() == one.rules.end();
        BOOST_TEST(new_client == new_rules, one.name << " is under two configurations");
        return new_rules;
    }
    std::size_t how_many_new() {
        std::size_t n = 0;
        for (std::size_t i = 0; i < count; ++i)
            n += is_new(i) ? 1 : 0;
        return n;
    }
    // Looks in each turn of the brain, until all are under the new one.
    void look() {
        seen.push_back(how_many_new());
        if (seen.back() < count && seen.size() < 1'000)
            asio::post(context.get_executor(), [this] { look(); });
    }
    std::string get(std::size_t i) {
        return call(tokens + "GetToken", {{"account", name(i)}}, 1000).error;
    }
    std::vector<std::size_t> seen;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(reload)

BOOST_FIXTURE_TEST_CASE(it_goes_in_turns_and_each_account_changes_whole, Reload) {
    BOOST_TEST(get(0) == "");
    BOOST_TEST(get(count - 1) == "");
    BOOST_TEST(how_many_new() == 0U);
    change();
    asio::post(context.get_executor(), [this] { look(); });
    const auto wire = send(admin + "Reload", {});
    const auto reply = taken(wire);
    BOOST_REQUIRE(reply.has_value());
    BOOST_TEST(reply->error == "");
    BOOST_TEST(reply->parameters.at("accounts").as_int64() == static_cast<std::int64_t>(count));
    BOOST_TEST(how_many_new() == count);
    std::size_t between = 0;
    for (std::size_t i = 1; i < seen.size(); ++i) {
        BOOST_TEST(seen[i] >= seen[i - 1]);
        BOOST_TEST(seen[i] - seen[i - 1] <= limits::accounts_per_turn);
        if (seen[i] > 0 && seen[i] < count) ++between;
    }
    BOOST_TEST(between >= 4U);  // readers had a turn while some were old and some were new
    BOOST_TEST(get(0) == tokens + "UnknownAccount");
    BOOST_TEST(get(count - 1) == tokens + "UnknownAccount");
}

BOOST_FIXTURE_TEST_CASE(one_that_is_enrolled_or_removed_meanwhile_is_under_the_new_one, Reload) {
    change();
    bool done = false;
    asio::post(context.get_executor(), [&] {
        app->admin().reload([&](const auto& mistakes, const auto&) {
            BOOST_TEST(mistakes.empty());
            done = true;
        });
        // The first turn is over or to come; the others surely are.
        BOOST_TEST(how_many_new() < count);
        app->accounts().remove(find(name(count - 1)));
        app->accounts().remove(find(name(limits::accounts_per_turn - 1)));
        storage::AccountRecord record;
        record.id = 999'999;
        record.name = "shop/a";
        record.provider = "threekit";
        (void)app->accounts().insert(std::move(record), app->broker().moment(), clock.boot_id());
        BOOST_TEST(find("shop/a").client->client->settings.client_id == "after");
        app->admin().reload([](const auto& mistakes, const auto&) {
            BOOST_REQUIRE(mistakes.size() ==
                          1U);  // one at a time, until the first has taken effect
            BOOST_TEST(mistakes[0] == "a reload is under way");
        });
    });
    settle();
    BOOST_TEST(done);
    app->accounts().each([](const std::shared_ptr<daemon::Account>& one) {
        BOOST_TEST(one->client->client->settings.client_id == "after", one->name);
    });
}

BOOST_FIXTURE_TEST_CASE(a_stop_waits_until_it_has_taken_effect, Reload) {
    change();
    bool done = false;
    app->admin().reload([&](const auto&, const auto&) { done = true; });
    end();
    BOOST_TEST(done);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::test
