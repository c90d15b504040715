// The audit's file and thread: what is kept, who is displaced, and that nothing waits for it.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/limits.hpp"
#include "storage/audit_database.hpp"
#include "storage/audit_thread.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace tb::storage::test {
namespace {

AuditRow row(AuditKind kind, std::uint32_t uid, std::string account = "shop/main") {
    AuditRow out;
    out.kind = kind;
    out.wall = wall_from_ms(1'700'000'000'000);
    out.boot = boot_from_ms(5'000);
    out.uid = uid;
    out.verdict = kind == AuditKind::refusal ? "refused" : "handed_out";
    out.account = std::move(account);
    return out;
}

struct Fixture {
    Folder folder;
    asio::io_context brain{1};
    MemoryLog log;
    AuditOptions options;
    std::unique_ptr<AuditStore> store;

    Fixture() { options.path = folder / "audit.db"; }
    ~Fixture() {
        store.reset();
        run();
    }
    void open() { store = open_audit_store(brain.get_executor(), options, log); }
    void run() {
        brain.restart();
        brain.run();
    }
    std::vector<AuditRow> read(AuditQuery query = {}) {
        query.rows_max = 1'000'000;
        auto answer = std::make_shared<std::optional<Result<AuditPage>>>();
        spawn(brain.get_executor(), "test", into(answer, store->read(std::move(query))));
        while (!answer->has_value()) {
            brain.restart();
            brain.run_for(std::chrono::milliseconds(5));
        }
        BOOST_REQUIRE((*answer)->has_value());
        return std::move((**answer)->rows);
    }
    void close() {
        auto done = std::make_shared<bool>(false);
        spawn(brain.get_executor(), "close", ended(done, store->close()));
        while (!*done) {
            brain.restart();
            brain.run_for(std::chrono::milliseconds(5));
        }
        store.reset();
        run();
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(audit)

BOOST_FIXTURE_TEST_CASE(rows_come_back_in_order_and_filtered, Fixture) {
    open();
    AuditRow early = row(AuditKind::hand_out, 1);
    early.wall = wall_from_ms(1'000);
    early.generation = 7;
    early.pid = 4711;
    early.exe = "/usr/games/x";
    store->put(early);
    store->put(row(AuditKind::refusal, 2, "shop/other"));
    store->put(row(AuditKind::grant, 3));
    const auto all = read();
    BOOST_TEST(all.size() == 3U);
    BOOST_TEST((all[0].id < all[1].id && all[1].id < all[2].id));
    BOOST_TEST(all[0].generation.value() == 7);
    BOOST_TEST(all[0].pid.value() == 4711);
    BOOST_TEST(all[0].exe == "/usr/games/x");
    BOOST_TEST(!all[0].gid.has_value());
    AuditQuery query;
    query.refused = true;
    BOOST_TEST(read(query).size() == 1U);
    query = {};
    query.uid = 3;
    BOOST_TEST(read(query).at(0).uid.value() == 3U);
    query = {};
    query.account = "shop/main";
    BOOST_TEST(read(query).size() == 2U);
    query = {};
    query.since = wall_from_ms(2'000);
    BOOST_TEST(read(query).size() == 2U);
    query = {};
    query.newest = 1;
    BOOST_TEST(read(query).at(0).uid.value() == 3U);
    query = {};
    query.after = all[1].id;
    BOOST_TEST(read(query).size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_page_says_that_there_are_more, Fixture) {
    auto database = AuditDatabase::open(options.path, 100);
    BOOST_REQUIRE(database.has_value());
    const std::vector<AuditRow> rows(3, row(AuditKind::hand_out, 1));
    BOOST_REQUIRE((*database)->append(rows).has_value());
    AuditQuery query;
    query.rows_max = 2;
    const auto page = (*database)->read(query);
    BOOST_TEST(page->rows.size() == 2U);
    BOOST_TEST(page->more);
    query.after = page->rows.back().id;
    BOOST_TEST(!(*database)->read(query)->more);
}

// A flood displaces the flooder's own rows; other uids, operators and grants keep theirs.
BOOST_FIXTURE_TEST_CASE(who_has_most_loses_the_oldest, Fixture) {
    options.rows_max = 8;
    open();
    store->put(row(AuditKind::refusal, 1));
    store->put(row(AuditKind::admin, 0));
    store->put(row(AuditKind::refusal, 1));
    for (int i = 0; i < 2'000; ++i)
        store->put(row(AuditKind::refusal, 666, "shop/n" + std::to_string(i)));
    auto all = read();
    const auto count = [&](std::uint32_t uid) {
        return std::ranges::count_if(all, [uid](const AuditRow& one) { return one.uid == uid; });
    };
    BOOST_TEST(count(1) == 2);
    BOOST_TEST(count(0) == 1);
    BOOST_TEST(count(666) == 6);
    BOOST_TEST(all.back().account == "shop/n1999");
    for (int i = 0; i < 9; ++i)  // a quarter of the share, for kinds that callers can't cause
        store->put(row(AuditKind::admin, 0));
    all = read();
    BOOST_TEST(count(0) == 2);
    close();
    open();  // the counts are of what is there, after a restart too
    for (int i = 0; i < 5; ++i)
        store->put(row(AuditKind::refusal, 667));
    all = read();
    BOOST_TEST(count(1) == 2);
    BOOST_TEST((count(666) + count(667)) == 6);
}

// 20,000 rows of 1 KiB for each of two kinds and a quarter of it for two more: 50 MiB at most,
// under audit_file_bytes_max, which SQLite holds as well.
BOOST_FIXTURE_TEST_CASE(bounds_of_the_file, Fixture) {
    constexpr std::size_t rows_most = limits::audit_rows_max * 5 / 2;
    BOOST_TEST(rows_most * 1'100 < limits::audit_file_bytes_max);
    open();
    AuditRow wordy = row(AuditKind::refusal, 1);
    for (int i = 0; i < 400; ++i)
        wordy.detail += "\xc3\xa9";  // cut between characters
    store->put(wordy);
    const auto kept = read().at(0).detail;
    BOOST_TEST(kept.size() <= limits::audit_text_bytes_max);
    BOOST_TEST(kept.size() >= limits::audit_text_bytes_max - 4);
    BOOST_TEST(kept.ends_with("\xc3\xa9..."));
}

// Less room than audit_room_bytes_min is for grants: nothing is written, everything is counted, and
// the first row that can be written again says how many are missing.
BOOST_FIXTURE_TEST_CASE(a_full_disk_is_left_to_the_grants, Fixture) {
    BOOST_TEST(limits::audit_room_bytes_min >= 4 * limits::ballast_bytes);
    options.room_bytes_min = std::size_t{1} << 60;
    open();
    store->put(row(AuditKind::hand_out, 1));
    store->put(row(AuditKind::hand_out, 2));
    BOOST_TEST(read().empty());
    BOOST_TEST(store->dropped() == 2U);
    BOOST_TEST(log.contains("free some disk space"));
    close();
    BOOST_TEST(std::filesystem::file_size(options.path) < 65'536U);
}

BOOST_FIXTURE_TEST_CASE(the_queue_is_bounded_and_what_is_missing_is_told, Fixture) {
    BOOST_TEST(limits::audit_batch_max < limits::audit_queue_max);
    options.rows_max = 100;
    open();
    bool full = false;
    for (std::size_t i = 0; i < 200 * limits::audit_queue_max && !full; ++i)
        full = !store->put(row(AuditKind::hand_out, 1));
    BOOST_REQUIRE(full);
    (void)read();  // everything queued is written now
    store->put(row(AuditKind::grant, 9));
    const auto all = read();
    std::int64_t told = 0;
    for (const AuditRow& one : all)
        if (one.verdict == "dropped") told += one.count;
    BOOST_TEST(told == static_cast<std::int64_t>(store->dropped()));
}

// audit_batch_ms is what a kill -9 loses; a clean end loses nothing, not even the last moment.
BOOST_FIXTURE_TEST_CASE(a_clean_end_loses_nothing, Fixture) {
    BOOST_TEST((limits::audit_batch_ms < limits::audit_sync_ms));
    for (const bool clean : {true, false}) {
        open();
        for (std::uint32_t i = 0; i < 1'500; ++i)
            BOOST_REQUIRE(store->put(row(AuditKind::hand_out, i)));
        if (clean) close();
        store.reset();
    }
    open();
    BOOST_TEST(read().size() == 3'000U);
    close();
    BOOST_TEST(!std::filesystem::exists(options.path + "-wal"));
}

BOOST_FIXTURE_TEST_CASE(rows_are_announced, Fixture) {
    open();
    int told = 0;
    store->on_written([&] { ++told; });
    store->put(row(AuditKind::hand_out, 1));
    for (int i = 0; i < 1'000 && told == 0; ++i) {
        brain.restart();
        brain.run_for(std::chrono::milliseconds(10));
        brain.poll();
        if (told == 0) usleep(1'000);
    }
    BOOST_TEST(told == 1);
}

BOOST_FIXTURE_TEST_CASE(a_damaged_audit_is_moved_aside, Fixture) {
    open();
    store->put(row(AuditKind::hand_out, 1));
    close();
    spit(options.path, std::string(8192, 'x'));
    open();
    BOOST_TEST(read().empty());
    BOOST_TEST(std::filesystem::exists(options.path + ".damaged"));
    BOOST_TEST(log.contains("a new one is begun"));
    struct stat info{};
    BOOST_REQUIRE(stat(options.path.c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 0777) == 0600U);
}

// The daemon starts without it, and what can't be written now is told once it can.
BOOST_FIXTURE_TEST_CASE(one_that_can_not_be_opened_is_tried_again, Fixture) {
    std::filesystem::create_directory(options.path);
    open();
    BOOST_TEST(log.contains("events are only counted"));
    store->put(row(AuditKind::hand_out, 1));
    for (int i = 0; i < 5'000 && store->dropped() == 0; ++i)
        usleep(1'000);
    BOOST_TEST(store->dropped() == 1U);
    std::filesystem::remove(options.path);
    store->put(row(AuditKind::hand_out, 2));
    const auto all = read();
    BOOST_REQUIRE(all.size() == 2U);
    BOOST_TEST(all[0].verdict == "dropped");
    BOOST_TEST(all[0].count == 1);
    BOOST_TEST(log.contains("the audit is written again"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::storage::test
