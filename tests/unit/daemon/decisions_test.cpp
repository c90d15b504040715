// The pure decisions of the broker: life, reading, backoff, the heap. Tables, no clock, no loop.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "daemon/backoff.hpp"
#include "daemon/due_heap.hpp"
#include "daemon/hand_out.hpp"
#include "daemon/lifetime.hpp"
#include "daemon/reading.hpp"
#include "fake_random.hpp"

using namespace tb;
using namespace tb::daemon;

namespace {

storage::TokenRecord token_of(Millis lifetime, std::int64_t sent_boot_ms,
                              std::int64_t sent_wall_ms) {
    storage::TokenRecord token;
    token.generation = 7;
    token.access_token = Secret("at_test_1");
    token.header_name = "Authorization";
    token.header_prefix = "Bearer ";
    token.sent_at = boot_from_ms(sent_boot_ms);
    token.sent_wall = wall_from_ms(sent_wall_ms);
    token.boot_id = "boot-a";
    token.lifetime = lifetime;
    return token;
}

}  // namespace

BOOST_AUTO_TEST_CASE(life_counts_from_sending_on_the_boot_clock) {
    const auto token = token_of(Millis{299'000}, 10'000, 1'000'000);
    // The wall clock was set back by an hour: no matter within one boot.
    const Life life = life_of(token, {boot_from_ms(50'000), wall_from_ms(-2'600'000)}, "boot-a");
    BOOST_TEST(to_ms(life.expires_at) == 309'000);
}

BOOST_AUTO_TEST_CASE(after_a_reboot_the_wall_clock_counts_but_never_for_more_than_the_life) {
    const auto token = token_of(Millis{299'000}, 900'000, 1'000'000);
    const auto remaining = [&](std::int64_t wall_ms) {
        const Moment at{boot_from_ms(5'000), wall_from_ms(wall_ms)};
        return (life_of(token, at, "boot-b").expires_at - at.now).count();
    };
    BOOST_TEST(remaining(1'100'000) == 199'000);
    BOOST_TEST(remaining(1'000'000) == 299'000);
    BOOST_TEST(remaining(999'999) <= 0);  // before the time of issue: expired
    BOOST_TEST(remaining(1'299'000) <= 0);
    BOOST_TEST(remaining(9'000'000'000'000'000) <= 0);
}

BOOST_AUTO_TEST_CASE(a_token_without_expiry_never_expires) {
    auto token = token_of(Millis{1}, 0, 0);
    token.lifetime.reset();
    BOOST_TEST((life_of(token, {boot_from_ms(1), wall_from_ms(1)}, "boot-b").expires_at ==
                BootTime::max()));
}

BOOST_AUTO_TEST_CASE(renewal_is_due_at_the_drawn_fraction_of_the_life) {
    BOOST_TEST(to_ms(renew_at(boot_from_ms(1'000), Millis{299'000}, 0.70)) == 210'300);
    BOOST_TEST(to_ms(renew_at(boot_from_ms(1'000), Millis{15'000}, 0.65)) == 10'750);
    BOOST_TEST(to_ms(renew_at(boot_from_ms(1'000), Millis{0}, 0.70)) == 1'000);
}

BOOST_AUTO_TEST_CASE(what_a_reader_gets) {
    struct Row {
        const char* what;
        std::int64_t remaining_ms;
        std::int64_t lifetime_ms;
        std::int64_t min_ms;  // -1: the caller said nothing
        bool rejected;
        ReadVerdict verdict;
        bool serves_late;
    };
    constexpr auto serve = ReadVerdict::serve;
    constexpr auto renew = ReadVerdict::renew;
    const Row rows[] = {
        {"fresh", 299'000, 299'000, -1, false, serve, true},
        {"over the 30 s that are aimed at", 30'000, 299'000, -1, false, serve, true},
        {"under them, but valid", 29'999, 299'000, -1, false, renew, true},
        {"a quarter of a short life", 3'749, 15'000, -1, false, renew, true},
        {"a quarter of a short life is enough", 3'750, 15'000, -1, false, serve, true},
        {"less than a second", 999, 299'000, -1, false, renew, false},
        {"nothing in hand", 0, 299'000, -1, false, renew, false},
        {"a promise kept", 60'000, 299'000, 60'000, false, serve, true},
        {"a promise that needs a new token", 59'999, 299'000, 60'000, false, renew, false},
        {"a promise nobody can keep", 298'000, 299'000, 299'001, false, ReadVerdict::too_short,
         false},
        {"a promise just possible", 298'000, 299'000, 299'000, false, renew, false},
        {"a promise of zero still wants a second", 500, 299'000, 0, false, renew, false},
        {"reported by this caller", 200'000, 299'000, -1, true, renew, false},
        {"reported, with a promise", 200'000, 299'000, 10, true, renew, false},
    };
    for (const Row& row : rows) {
        BOOST_TEST_CONTEXT(row.what) {
            ReadFacts facts;
            facts.remaining = Millis{row.remaining_ms};
            facts.lifetime = Millis{row.lifetime_ms};
            if (row.min_ms >= 0) facts.min_remaining = Millis{row.min_ms};
            facts.rejected_by_caller = row.rejected;
            BOOST_TEST((judge_read(facts) == row.verdict));
            BOOST_TEST(serves_without_renewal(facts) == row.serves_late);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_token_that_came_just_now_is_as_long_as_they_get) {
    BOOST_TEST(came_just_now(Millis{29'999}, Millis{3'600'000}));
    BOOST_TEST(!came_just_now(Millis{30'000}, Millis{3'600'000}));
    BOOST_TEST(!came_just_now(Millis{1'500}, Millis{15'000}));
    ReadFacts facts;
    facts.remaining = Millis{89'000};
    facts.lifetime = Millis{90'000};
    facts.newest_had = Millis{89'900};
    facts.min_remaining = Millis{89'900};  // a second ago it would have done: another one may
    BOOST_TEST((judge_read(facts) == ReadVerdict::renew));
    facts.min_remaining = Millis{89'901};
    BOOST_TEST((judge_read(facts) == ReadVerdict::too_short));
    BOOST_TEST(longest_of(facts).count() == 89'900);
    facts.rejected_by_caller = true;  // that is another reason
    BOOST_TEST((judge_read(facts) == ReadVerdict::renew));
    facts.rejected_by_caller = false;
    facts.min_remaining.reset();
    facts.remaining = facts.newest_had.emplace(20'000);  // less than is aimed at, but all there is
    BOOST_TEST((judge_read(facts) == ReadVerdict::serve));
    facts.remaining = facts.newest_had.emplace(900);  // less than may be handed out
    BOOST_TEST((judge_read(facts) == ReadVerdict::too_short));
}

BOOST_AUTO_TEST_CASE(a_static_token_is_always_served) {
    ReadFacts facts;
    facts.remaining = Millis::max();
    BOOST_TEST((judge_read(facts) == ReadVerdict::serve));
    facts.min_remaining = limits::lifetime_max_ms;
    BOOST_TEST((judge_read(facts) == ReadVerdict::serve));
}

BOOST_AUTO_TEST_CASE(backoff_grows_with_full_jitter_up_to_its_cap) {
    test::SeededRandom random(1);
    for (int failures = 1; failures <= 40; ++failures) {
        const std::int64_t cap = std::min<std::int64_t>(
            limits::backoff_max_ms.count(), std::int64_t{1'000} << std::min(failures - 1, 20));
        std::int64_t least = cap;
        std::int64_t most = 0;
        for (int draw = 0; draw < 300; ++draw) {
            const std::int64_t wait = backoff(failures, random, Millis{1'000'000}).count();
            least = std::min(least, wait);
            most = std::max(most, wait);
        }
        BOOST_TEST(least >= 50);
        BOOST_TEST(least < std::max<std::int64_t>(cap / 5, 60));  // full jitter: near zero too
        BOOST_TEST(most > cap * 4 / 5);
        BOOST_TEST(most <= cap);
    }
}

BOOST_AUTO_TEST_CASE(the_first_step_is_clamped_to_what_is_left_of_the_token) {
    test::SeededRandom random(2);
    for (int draw = 0; draw < 100; ++draw)
        BOOST_TEST(backoff(1, random, Millis{1'000}).count() <= 250);
}

namespace {
struct Item {
    std::size_t heap_place = DueHeap<Item>::none;
    std::int64_t at = 0;
};
}  // namespace

BOOST_AUTO_TEST_CASE(the_heap_agrees_with_a_sorted_list) {
    test::SeededRandom random(3);
    std::vector<Item> items(500);
    DueHeap<Item> heap;
    std::vector<Item*> in;
    for (int step = 0; step < 20'000; ++step) {
        Item& item = items[random.u64() % items.size()];
        const bool present = item.heap_place != DueHeap<Item>::none;
        if (random.u64() % 3 == 0) {
            heap.remove(item);
            if (present) std::erase(in, &item);
        } else {
            item.at = static_cast<std::int64_t>(random.u64() % 1'000'000);
            heap.set(item, boot_from_ms(item.at));
            if (!present) in.push_back(&item);
        }
        BOOST_REQUIRE(heap.size() == in.size());
        if (in.empty()) continue;
        const auto first =
            std::min_element(in.begin(), in.end(), [](Item* a, Item* b) { return a->at < b->at; });
        BOOST_REQUIRE(to_ms(heap.first_at()) == (*first)->at);
        BOOST_REQUIRE(heap.first().at == (*first)->at);
    }
}

BOOST_AUTO_TEST_CASE(a_reply_is_built_once_and_patched) {
    auto token = token_of(Millis{299'000}, 0, 0);
    token.access_token = Secret("at_test_\"quote\\back");
    token.query_name = "bearer_token";
    token.scopes = {"ECom.Shop"};
    token.attributes = {{"entity", "title"}};
    const HandOut hand_out("shop/main", token, wall_from_ms(1'234));
    std::string out = "before";
    hand_out.append_reply(out, Millis{4'321});
    BOOST_REQUIRE(out.substr(0, 6) == "before");
    BOOST_REQUIRE(out.back() == '\0');
    const auto reply = boost::json::parse(out.substr(6, out.size() - 7)).as_object();
    const auto& seen = reply.at("parameters").at("token").as_object();
    BOOST_TEST(seen.at("account").as_string() == "shop/main");
    BOOST_TEST(seen.at("token").as_string() == "at_test_\"quote\\back");
    BOOST_TEST(seen.at("header").at("name").as_string() == "Authorization");
    BOOST_TEST(seen.at("header").at("value").as_string() == "Bearer at_test_\"quote\\back");
    BOOST_TEST(seen.at("query").at("value").as_string() == "at_test_\"quote\\back");
    BOOST_TEST(seen.at("generation").as_int64() == 7);
    BOOST_TEST(seen.at("expires_at_ms").as_int64() == 1'234);
    BOOST_TEST(seen.at("remaining_ms").as_int64() == 4'321);
    BOOST_TEST(seen.at("scopes").as_array().size() == 1U);

    token.lifetime.reset();
    const HandOut forever("shop/main", token, std::nullopt);
    std::string text;
    forever.append_token(text, Millis::max());
    const auto plain = boost::json::parse(text).as_object();
    BOOST_TEST(!plain.contains("remaining_ms"));
    BOOST_TEST(!plain.contains("expires_at_ms"));
}
