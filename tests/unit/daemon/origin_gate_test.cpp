// The gate of an origin: caps, breaker, Retry-After, incidents. Time is a number that the test
// moves.
#include "daemon/origin_gate.hpp"

#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "fake_random.hpp"

using namespace tb;
using namespace tb::daemon;

namespace {
using Kind = Admission::Kind;
const std::string a = "https://a.test";
const std::string b = "https://b.test";

struct Fixture {
    OriginGate gate{4, 2};
    test::SeededRandom random{7};
    BootTime now = boot_from_ms(1'000'000);

    void exchange(const std::string& origin, OriginResult result, Millis retry_after = Millis{0}) {
        BOOST_REQUIRE((gate.check(origin, now).kind == Kind::go));
        gate.start(origin, now);
        gate.finish(origin, now, result, retry_after, random);
    }
    void open_breaker(const std::string& origin) {
        for (int i = 0; i < limits::breaker_failures; ++i)
            exchange(origin, OriginResult::failed);
    }
};
}  // namespace

BOOST_FIXTURE_TEST_CASE(caps_hold_for_each_origin_and_for_all, Fixture) {
    gate.start(a, now);
    gate.start(a, now);
    BOOST_TEST((gate.check(a, now).kind == Kind::full));
    BOOST_TEST((gate.check(b, now).kind == Kind::go));
    gate.start(b, now);
    gate.start(b, now);
    BOOST_TEST((gate.check("https://c.test", now).kind == Kind::full));
    gate.finish(a, now, OriginResult::answered, Millis{0}, random);
    BOOST_TEST((gate.check("https://c.test", now).kind == Kind::go));
    BOOST_TEST(gate.in_flight() == 3);
}

BOOST_FIXTURE_TEST_CASE(the_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through,
                        Fixture) {
    for (int i = 0; i + 1 < limits::breaker_failures; ++i)
        exchange(a, OriginResult::failed);
    exchange(a, OriginResult::answered);  // an answer in between: the row is broken
    for (int i = 0; i + 1 < limits::breaker_failures; ++i)
        exchange(a, OriginResult::failed);
    BOOST_TEST((gate.check(a, now).kind == Kind::go));
    exchange(a, OriginResult::failed);
    const Admission open = gate.check(a, now);
    BOOST_TEST((open.kind == Kind::blocked));
    BOOST_TEST((open.until > now));
    BOOST_TEST((gate.check(b, now).kind == Kind::go));
    now = open.until;
    BOOST_TEST((gate.check(a, now).kind == Kind::go));
    gate.start(a, now);
    BOOST_TEST((gate.check(a, now).kind == Kind::blocked));  // one probe at a time
    gate.finish(a, now, OriginResult::failed, Millis{0}, random);
    BOOST_TEST((gate.check(a, now).kind == Kind::blocked));
    now = gate.check(a, now).until;
    exchange(a, OriginResult::answered);
    BOOST_TEST((gate.check(a, now).kind == Kind::go));
    BOOST_TEST(gate.alarms(now).empty());
}

BOOST_FIXTURE_TEST_CASE(after_a_long_outage_the_next_probe_is_breaker_probe_max_ms_away_at_most,
                        Fixture) {
    open_breaker(a);
    for (int i = 0; i < 50; ++i) {
        const Admission open = gate.check(a, now);
        BOOST_REQUIRE((open.kind == Kind::blocked));
        BOOST_TEST(((open.until - now) <= limits::breaker_probe_max_ms));
        now = open.until;
        exchange(a, OriginResult::failed);
    }
}

BOOST_FIXTURE_TEST_CASE(refusals_and_misconfigurations_never_open_it, Fixture) {
    for (int i = 0; i < 100; ++i)
        exchange(a, OriginResult::answered);
    for (int i = 0; i < 100; ++i)
        exchange(a, OriginResult::neutral);
    BOOST_TEST((gate.check(a, now).kind == Kind::go));
}

BOOST_FIXTURE_TEST_CASE(exchanges_under_way_when_it_opened_do_not_push_it_further, Fixture) {
    gate.set_caps(100, 100);
    for (int i = 0; i < 50; ++i)
        gate.start(a, now);
    for (int i = 0; i < 50; ++i)
        gate.finish(a, now, OriginResult::failed, Millis{0}, random);
    BOOST_TEST((gate.check(a, now).until - now).count() <= limits::backoff_first_ms.count());
}

BOOST_FIXTURE_TEST_CASE(retry_after_is_a_floor_for_the_whole_origin_and_capped, Fixture) {
    exchange(a, OriginResult::failed, Millis{30'000});
    BOOST_TEST((gate.check(a, now).kind == Kind::blocked));
    BOOST_TEST((gate.check(a, now, true).kind ==
                Kind::blocked));  // an operator waits too: the provider asked
    BOOST_TEST((gate.check(a, now).until - now).count() == 30'000);
    now += Millis{30'000};
    BOOST_TEST((gate.check(a, now).kind == Kind::go));
    exchange(a, OriginResult::answered, limits::retry_after_max_ms * 10);
    BOOST_TEST((gate.check(a, now).until - now).count() == limits::retry_after_max_ms.count());
}

BOOST_FIXTURE_TEST_CASE(an_operator_may_probe_an_open_breaker, Fixture) {
    open_breaker(a);
    BOOST_TEST((gate.check(a, now).kind == Kind::blocked));
    BOOST_TEST((gate.check(a, now, true).kind == Kind::go));
}

BOOST_FIXTURE_TEST_CASE(many_refusals_within_a_minute_are_an_incident, Fixture) {
    for (int i = 0; i < limits::refusals_per_origin_per_minute_max; ++i) {
        now += Millis{100};
        BOOST_TEST(!gate.note_refusal(a, now));
    }
    BOOST_TEST(gate.note_refusal(a, now));
    BOOST_TEST((gate.check(a, now).kind == Kind::blocked));
    BOOST_TEST(gate.alarms(now).size() == 1U);
    for (int i = 0; i < 100; ++i) {  // spread out they are what they are: dead accounts
        now += Millis{60'000};
        BOOST_TEST(!gate.note_refusal(b, now));
    }
}
