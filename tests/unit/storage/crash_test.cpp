// kill -9 in the middle of commits, again and again: whatever was acknowledged is there, and a
// grant and its token are always of one renewal. And: no secret is readable in any file or line.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <random>
#include <sstream>

#include "fixture.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

namespace {

constexpr int accounts_count = 6;

std::string refresh_of(AccountId id, std::uint64_t version) {
    return "rt_test_" + std::to_string(id) + "_" + std::to_string(version);
}
std::string access_of(AccountId id, std::uint64_t generation) {
    return "at_test_" + std::to_string(id) + "_" + std::to_string(generation);
}

// Tells the parent, in one write, what the store has acknowledged.
void tell(int fd, char what, AccountId id, std::uint64_t version) {
    const std::string line =
        std::string(1, what) + " " + std::to_string(id) + " " + std::to_string(version) + "\n";
    if (write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(9);
}

awaitable<void> renew_for_ever(TokenStore* store, int fd, AccountId id, std::uint64_t version) {
    for (;;) {  // until the process is killed
        auto change = std::make_shared<Change>(intend(id, version, 1));
        auto intended = co_await store->commit(change);
        if (!intended) _exit(3);
        tell(fd, 'I', id, version);
        auto grant_now = co_await store->open(id);
        if (!grant_now || text(*grant_now) != refresh_of(id, version)) _exit(4);
        Renewed next;
        next.account = id;
        next.grant_version = version;
        next.new_grant = grant(refresh_of(id, version + 1));
        next.token = token(version + 1, access_of(id, version + 1));
        change = std::make_shared<Change>(std::move(next));
        auto renewed = co_await store->commit(change);
        if (!renewed || renewed->grant_version != version + 1) _exit(5);
        ++version;
        tell(fd, 'R', id, version);
    }
}

[[noreturn]] void child(const SqliteOptions& options, int fd) {
    asio::io_context brain{1};
    SystemRandom random;
    MemoryLog log;
    auto store = open_sqlite_store(brain.get_executor(), options, random, log);
    if (!store) _exit(1);
    std::vector<std::pair<AccountId, std::uint64_t>> all;
    const auto loaded = (*store)->load(
        [&all](AccountRecord record) { all.emplace_back(record.id, record.grant_version); });
    if (!loaded) _exit(2);
    for (const auto& [id, version] : all)
        spawn(brain.get_executor(), "renew", renew_for_ever(store->get(), fd, id, version));
    brain.run();
    _exit(6);
}

// Everything the child said until it was killed, `after_ms` after its first word.
std::string run_and_kill(const SqliteOptions& options, int after_ms) {
    int ends[2];
    BOOST_REQUIRE(pipe(ends) == 0);
    const pid_t pid = fork();
    BOOST_REQUIRE(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child(options, ends[1]);
    }
    close(ends[1]);
    pollfd first{ends[0], POLLIN, 0};
    BOOST_TEST(poll(&first, 1, 60'000) == 1);
    usleep(static_cast<useconds_t>(after_ms) * 1'000);
    kill(pid, SIGKILL);
    std::string said;
    char chunk[4096];
    for (ssize_t n = 0; (n = read(ends[0], chunk, sizeof chunk)) > 0;)
        said.append(chunk, static_cast<std::size_t>(n));
    close(ends[0]);
    int status = 0;
    BOOST_REQUIRE(waitpid(pid, &status, 0) == pid);
    BOOST_TEST(WIFSIGNALED(status));  // not ended by itself: an _exit above says where
    return said;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_was_acknowledged_survives_kill_9, World) {
    start();
    for (int i = 0; i < accounts_count; ++i) {
        AddAccount change;
        change.account.name = "shop/" + std::to_string(i);
        change.grant = grant(refresh_of(i + 1, 1));
        BOOST_REQUIRE(must(std::move(change)).account == i + 1);
    }
    stop();
    const unsigned seed = std::random_device{}();
    BOOST_TEST_MESSAGE("seed " << seed);
    std::mt19937 choose(seed);
    std::uint64_t acknowledged = 0;
    int open_intents = 0;
    std::map<AccountId, std::uint64_t> known;  // versions at the end of the round before
    for (int i = 1; i <= accounts_count; ++i)
        known[i] = 1;
    for (int round = 0; round < 12; ++round) {
        const int wait_ms = static_cast<int>(choose() % 60);
        std::map<AccountId, std::pair<char, std::uint64_t>> last;
        for (const auto& [account, at_start] : known)
            last[account] = {'-', at_start};
        std::istringstream said(run_and_kill(options(), wait_ms));
        char what = 0;
        AccountId id = 0;
        std::uint64_t version = 0;
        while (said >> what >> id >> version) {
            last[id] = {what, version};
            if (what == 'R') ++acknowledged;
        }
        start();
        BOOST_REQUIRE(accounts.size() == static_cast<std::size_t>(accounts_count));
        for (const auto& [account, record] : accounts) {
            const auto [word, least] = last[account];
            BOOST_TEST(record.grant_version >= least);
            BOOST_TEST(record.grant_version <= least + 1);  // one was not told in time
            known[account] = record.grant_version;
            if (word == 'I' && record.grant_version == least) BOOST_TEST(record.intent.has_value());
            if (record.intent) ++open_intents;
            BOOST_TEST(opened(account) == refresh_of(account, record.grant_version));
            if (record.grant_version == 1) continue;
            BOOST_REQUIRE(record.token.has_value());
            BOOST_TEST(record.token->access_token.view() ==
                       access_of(account, record.grant_version));
        }
        stop();
    }
    BOOST_TEST_MESSAGE(acknowledged << " renewals acknowledged, " << open_intents
                                    << " intents found open");
    BOOST_TEST(acknowledged > 0U);
    BOOST_TEST(open_intents > 0);
}

BOOST_FIXTURE_TEST_CASE(no_secret_is_readable_anywhere, World) {
    start();
    const AccountId id = add("shop/main", "rt_test_PLAIN_first");
    const std::string large(20'000, 'x');  // over several pages
    must(intend(id, 1, 1));
    must(renewed(id, 1, 1, "rt_test_PLAIN_second" + large, "at_test_PLAIN_1" + large));
    SetState refuse = set_state(id, 2, GrantState::login_required, "refused");
    refuse.retire_grant = true;
    must(refuse);
    fails(renewed(id, 1, 1, "rt_test_PLAIN_late", "at_test_PLAIN_late"));
    must(SetClientSecret{"shop", "client_secret", Secret("cs_test_PLAIN")});
    must(renewed(id, 2, 2, "rt_test_PLAIN_third", "at_test_PLAIN_2"));
    const auto search = [this] {
        int files = 0;
        for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
            const std::string bytes = slurp(entry.path().string());
            ++files;
            for (const char* part : {"PLAIN", "rt_test", "at_test", "cs_test", "xxxxxxxx"})
                BOOST_TEST((bytes.find(part) == std::string::npos), entry.path() << part);
        }
        return files;
    };
    // The names, so that the search is known to find what is there.
    BOOST_TEST((slurp(folder / "tokenbroker.db-wal").find("shop/main") != std::string::npos));
    BOOST_TEST(search() == 6);
    stop();
    BOOST_TEST((slurp(folder / "tokenbroker.db").find("shop/main") != std::string::npos));
    search();
    start();
    for (const auto& [level, line] : log.lines())
        BOOST_TEST((line.find("PLAIN") == std::string::npos));
    const std::string key = slurp(folder / "master.key");
    BOOST_TEST((slurp(folder / "tokenbroker.db").find(key.substr(0, 16)) == std::string::npos));
}
