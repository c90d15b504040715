// The disk says no: nothing half done, nothing done twice, no successor lost, and back to work
// without a restart.
#include <optional>

#include "faults.hpp"
#include "fixture.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

namespace {
struct Faulty : World {
    ~Faulty() { fail_syncs(0); }
    Result<Committed> again(const std::shared_ptr<Change>& change) {
        return ask(store->commit(change));
    }
};
bool is(const Result<Committed>& answer, errc code) {
    return !answer && answer.error().code == code;
}
}  // namespace

BOOST_FIXTURE_TEST_CASE(a_failed_sync_undoes_the_group, Faulty) {
    start();
    const AccountId id = add("shop/main");
    auto change = std::make_shared<Change>(renewed(id, 1, 1, "rt_test_second", "at_test_1"));
    fail_syncs(0b1);
    const auto failed = again(change);
    BOOST_TEST(syncs_failed() == 1);
    BOOST_REQUIRE(is(failed, errc::storage));
    BOOST_TEST(failed.error().message.find("tokenbroker.db") != std::string::npos);
    BOOST_TEST(text(*std::get<Renewed>(*change).new_grant) == "rt_test_second");
    BOOST_TEST(stats().reopened == 1U);
    BOOST_TEST(opened(id) == "rt_test_first");
    BOOST_TEST(log.contains("disk I/O error"));
    BOOST_TEST(again(change)->grant_version == 2U);
    BOOST_TEST(log.contains("can be written again"));
    BOOST_TEST(opened(id) == "rt_test_second");
    store.reset();
    start();
    BOOST_TEST(opened(id) == "rt_test_second");
}

BOOST_FIXTURE_TEST_CASE(a_disk_that_syncs_nothing_loses_nothing, Faulty) {
    start();
    const AccountId id = add("shop/main");
    auto change = std::make_shared<Change>(renewed(id, 1, 1, "rt_test_second", "at_test_1"));
    const auto before = stats().transactions;
    fail_syncs(all_syncs);
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(is(again(change), errc::storage));
    // Whether the change is on the disk is not known: nothing else is let in, no grant is handed
    // out.
    BOOST_TEST(fails(SetPaused{id, true}) == errc::storage);
    BOOST_TEST(opened(id) == "storage");
    fail_syncs(0);
    const auto done = again(change);
    BOOST_REQUIRE(done);
    BOOST_TEST(done->grant_version == 2U);       // once, although it was asked four times,
    BOOST_TEST(stats().transactions == before);  // and by the first of them
    BOOST_TEST(opened(id) == "rt_test_second");
    must(SetPaused{id, true});
    restart();
    BOOST_TEST(accounts.at(id).grant_version == 2U);
    BOOST_TEST(accounts.at(id).paused);
}

BOOST_FIXTURE_TEST_CASE(each_sync_that_can_fail_fails_once, Faulty) {
    start();
    const AccountId id = add("shop/main");
    std::uint64_t version = 1;
    std::string current = "rt_test_first";
    int hit = 0;
    // Every pattern of the first six syncs: of the commit, of closing, reopening and the
    // checkpoints that belong to it.
    for (unsigned pattern = 1; pattern < 64; ++pattern) {
        const std::string next = "rt_test_pattern" + std::to_string(pattern);
        auto change = std::make_shared<Change>(renewed(id, version, version, next, "at_test"));
        fail_syncs(pattern);
        std::optional<Result<Committed>> answer;
        for (int tries = 0; tries < 10 && !(answer && *answer); ++tries) {
            answer = again(change);
            if (!*answer) BOOST_TEST((*answer).error().code == errc::storage);
            const std::string now = opened(id);
            const bool either = now == next || now == "storage" || (!*answer && now == current);
            BOOST_TEST(either, now);
        }
        BOOST_REQUIRE(*answer);
        BOOST_TEST((*answer)->grant_version == ++version);
        hit += syncs_failed();
        fail_syncs(0);
        BOOST_TEST(opened(id) == next);
        current = next;
        if (pattern % 8 == 0) restart();
        BOOST_TEST(opened(id) == next);
    }
    BOOST_TEST(hit > 100);
}

BOOST_FIXTURE_TEST_CASE(a_write_that_fails_is_tried_again_later, Faulty) {
    start();
    const AccountId id = add("shop/main");
    auto change = std::make_shared<Change>(renewed(id, 1, 1, "rt_test_second", "at_test_1"));
    {
        const FileSizeLimit limit(4096);
        for (int i = 0; i < 3; ++i)
            BOOST_TEST(is(again(change), errc::storage));
    }
    BOOST_TEST(again(change)->grant_version == 2U);
    restart();
    BOOST_TEST(opened(id) == "rt_test_second");
}

BOOST_AUTO_TEST_CASE(a_full_disk_takes_the_successor_and_nothing_more) {
    SmallDisk disk;
    if (!disk.there()) {
        BOOST_TEST_MESSAGE("no mount namespace here: the full disk is not tried");
        return;
    }
    World world(disk.path());
    world.start();
    const AccountId id = world.add("shop/main");
    const AccountId other = world.add("shop/other");
    BOOST_TEST(world.stats().ballast_in_place);
    world.must(intend(id, 1, 1));
    world.must(intend(other, 1, 1));
    disk.fill();
    // In use, SQLite's files may have a block or two left: what is big does not fit.
    const std::string large(12 * 1024, 'x');
    const Committed done = world.must(world.renewed(id, 1, 1, "rt_test_second" + large, "at"));
    BOOST_TEST(done.grant_version == 2U);
    BOOST_TEST(!world.stats().ballast_in_place);
    BOOST_TEST(world.log.contains("the reserve"));
    world.must(set_state(other, 1, GrantState::outcome_unknown, large));  // there is still room
    // Until the room is there again no single-use grant may be sent.
    disk.fill();
    BOOST_TEST(world.fails(intend(id, 2, 1)) == errc::storage);
    BOOST_TEST(world.message.find("free some disk space") != std::string::npos);
    BOOST_TEST(world.opened(id).size() == large.size() + 14);  // what is there is served

    disk.empty();
    BOOST_TEST(world.must(intend(id, 2, 1)).attempts == 1);
    BOOST_TEST(world.stats().ballast_in_place);
    BOOST_TEST(world.log.contains("in reserve again"));

    // Full at the start: nothing is lost, and what is there is served.
    disk.fill();
    world.restart();
    BOOST_TEST(world.accounts.size() == 2U);
    BOOST_TEST(world.accounts.at(id).intent.has_value());
    BOOST_TEST(world.must(world.renewed(id, 2, 2, "rt_test_third", "at")).grant_version == 3U);
    disk.empty();
    world.must(intend(id, 3, 1));
}

// Its room is for what came of grants that were sent, whoever else is in their group.
BOOST_AUTO_TEST_CASE(a_restore_gets_nothing_of_the_ballast) {
    SmallDisk disk;
    if (!disk.there()) return;
    World world(disk.path());
    world.start();
    const AccountId id = world.add("shop/main");
    disk.fill();
    RestoreAccount wide;
    wide.account.name = "shop/large";
    wide.grant = grant(std::string(64 * 1024, 'x'));
    auto can_wait = std::make_shared<Change>(std::move(wide));
    const std::string large(12 * 1024, 'x');
    auto must_not =
        std::make_shared<Change>(world.renewed(id, 1, 1, "rt_test_second" + large, "at"));
    const auto restored = world.begin(world.store->commit(can_wait));
    const auto renewed = world.begin(world.store->commit(must_not));
    world.run();
    BOOST_TEST(!world.stats().ballast_in_place);
    BOOST_REQUIRE((*restored && !**restored));
    BOOST_TEST((*restored)->error().code == errc::storage);
    BOOST_REQUIRE((*renewed && **renewed));
    const auto later = world.ask(world.store->commit(can_wait));  // in a group of its own
    BOOST_REQUIRE(!later);
    BOOST_TEST(later.error().message.find("free some disk space") != std::string::npos);
    disk.empty();
    BOOST_TEST(world.ask(world.store->commit(can_wait)).has_value());
}

BOOST_AUTO_TEST_CASE(a_change_without_a_grant_leaves_the_ballast_alone) {
    SmallDisk disk;
    if (!disk.there()) return;
    World world(disk.path());
    world.start();
    const AccountId id = world.add("shop/main");
    disk.fill();
    AddAccount large;
    large.account.name = "shop/large";
    large.grant = grant(std::string(64 * 1024, 'x'));
    auto change = std::make_shared<Change>(std::move(large));
    const auto failed = world.ask(world.store->commit(change));
    BOOST_REQUIRE(!failed);
    BOOST_TEST(failed.error().code == errc::storage);
    BOOST_TEST(failed.error().message.find("tokenbroker.db") != std::string::npos);
    BOOST_TEST(world.stats().ballast_in_place);
    BOOST_TEST(world.must(world.renewed(id, 1, 1, "rt_test_second", "at")).grant_version == 2U);
    disk.empty();
    BOOST_TEST(world.ask(world.store->commit(change)).has_value());
}
