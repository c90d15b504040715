// What waits is committed together, a bad change fails alone, the order for an account holds, and
// the queue has an end.
#include <boost/asio/post.hpp>
#include <thread>

#include "base/limits.hpp"
#include "fixture.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

namespace {
using Answer = std::shared_ptr<std::optional<Result<Committed>>>;
std::shared_ptr<Change> shared(Change change) {
    return std::make_shared<Change>(std::move(change));
}
}  // namespace

BOOST_FIXTURE_TEST_CASE(many_waiting_changes_are_few_transactions, World) {
    start();
    const auto before = stats();
    std::vector<Answer> answers;
    constexpr int count = 1'000;
    for (int i = 0; i < count; ++i) {
        AddAccount change;
        change.account.name = "shop/" + std::to_string(i);
        change.grant = grant("rt_test_" + std::to_string(i));
        answers.push_back(begin(store->commit(shared(std::move(change)))));
    }
    run();
    for (const Answer& answer : answers)
        BOOST_REQUIRE((*answer && **answer));
    const auto after = stats();
    BOOST_TEST(after.changes - before.changes == static_cast<std::uint64_t>(count));
    BOOST_TEST(after.transactions - before.transactions >= count / limits::commit_group_max);
    BOOST_TEST(after.transactions - before.transactions <= 50U);
    restart();
    BOOST_TEST(accounts.size() == static_cast<std::size_t>(count));
}

BOOST_FIXTURE_TEST_CASE(a_bad_change_fails_alone, World) {
    start();
    const AccountId id = add("shop/main");
    AddAccount twice;
    twice.account.name = "shop/main";
    AddAccount nameless;
    AddAccount fine;
    fine.account.name = "shop/fine";
    const auto transactions = stats().transactions;
    // Queued before the thread can look, so they share a group with high odds; each alone is right
    // too.
    const std::vector<Answer> answers = {
        begin(store->commit(shared(renewed(id, 9, 1, "rt_test_x", "at_test_x")))),
        begin(store->commit(shared(SetPaused{id, true}))),
        begin(store->commit(shared(std::move(twice)))),
        begin(store->commit(shared(std::move(nameless)))),
        begin(store->commit(shared(RemoveAccount{99}))),
        begin(store->commit(shared(std::move(fine)))),
    };
    run();
    BOOST_TEST((*answers[0])->error().code == errc::superseded);
    BOOST_TEST((*answers[1])->has_value());
    BOOST_TEST((*answers[2])->error().code == errc::account_exists);
    BOOST_TEST((*answers[3])->error().code == errc::invalid_parameter);
    BOOST_TEST((*answers[4])->error().code == errc::not_found);
    BOOST_TEST((*answers[5])->has_value());
    BOOST_TEST(stats().transactions - transactions <= 2U);
    restart();
    BOOST_TEST(accounts.size() == 2U);
    BOOST_TEST(accounts.at(id).paused);
    BOOST_TEST(opened(id) == "rt_test_first");
}

BOOST_FIXTURE_TEST_CASE(reads_and_changes_of_an_account_keep_their_order, World) {
    start();
    const AccountId id = add("shop/main", "rt_test_0");
    std::vector<std::pair<std::shared_ptr<std::optional<Result<SecretSet>>>, int>> reads;
    for (int i = 1; i <= 200; ++i) {
        ReplaceGrant change;
        change.account = id;
        change.grant = grant("rt_test_" + std::to_string(i));
        begin(store->commit(shared(std::move(change))));
        reads.emplace_back(begin(store->open(id)), i);
        begin(store->commit(shared(SetClientSecret{"shop", "key", Secret(std::to_string(i))})));
    }
    auto secret = begin(store->open_client_secrets("shop"));
    run();
    for (const auto& [answer, i] : reads)
        BOOST_TEST(text(***answer) == "rt_test_" + std::to_string(i));
    BOOST_TEST((**secret)->find("key")->view() == "200");
}

BOOST_FIXTURE_TEST_CASE(a_full_queue_says_so, World) {
    start();
    const AccountId id = add("shop/main");
    std::vector<Answer> answers;
    int refused = 0;
    for (int round = 0; round < 20 && refused == 0; ++round) {
        const std::size_t from = answers.size();
        for (std::size_t i = 0; i < 2 * limits::store_queue_max; ++i)
            answers.push_back(begin(store->commit(shared(SetPaused{id, i % 2 == 0}))));
        run();
        for (std::size_t i = from; i < answers.size(); ++i) {
            const auto& answer = **answers[i];
            if (answer) continue;
            ++refused;
            BOOST_REQUIRE(answer.error().code == errc::too_many_requests);
        }
    }
    BOOST_TEST(refused > 0);
    must(SetPaused{id, true});
}

BOOST_FIXTURE_TEST_CASE(closing_does_what_waits_and_then_takes_nothing, World) {
    start();
    const AccountId id = add("shop/main");
    std::vector<Answer> answers;
    for (int i = 0; i < 300; ++i)
        answers.push_back(begin(store->commit(shared(SetPaused{id, true}))));
    auto done = std::make_shared<bool>(false);
    spawn(brain.get_executor(), "close", ended(done, store->close()));
    const Answer late = begin(store->commit(shared(SetPaused{id, false})));
    run();
    BOOST_TEST(*done);
    for (const Answer& answer : answers)
        BOOST_TEST((*answer)->has_value());
    BOOST_TEST((*late)->error().code == errc::closed);
    BOOST_TEST(ask(store->open(id)).error().code == errc::closed);
    BOOST_TEST(std::filesystem::file_size(folder / "tokenbroker.db") > 4096U);
    BOOST_TEST(!std::filesystem::exists(folder / "tokenbroker.db-wal"));
    // The folder is free as soon as it is closed.
    SystemRandom another;
    BOOST_TEST(open_sqlite_store(brain.get_executor(), options(), another, log).has_value());
    store.reset();
    start();
    BOOST_TEST(accounts.at(id).paused);
}

BOOST_FIXTURE_TEST_CASE(what_waits_at_the_destructor_is_answered, World) {
    start();
    const AccountId id = add("shop/main");
    std::vector<Answer> answers;
    for (int i = 0; i < 2'000; ++i)
        answers.push_back(begin(store->commit(shared(SetPaused{id, true}))));
    asio::post(brain, [this] { store.reset(); });  // all are queued by then
    run();
    int closed = 0;
    for (const Answer& answer : answers) {
        BOOST_REQUIRE(answer->has_value());
        if (!**answer) {
            ++closed;
            BOOST_REQUIRE((*answer)->error().code == errc::closed);
        }
    }
    BOOST_TEST(closed > 0);
    start();
}

BOOST_FIXTURE_TEST_CASE(a_wait_makes_groups_of_what_comes_close_together, World) {
    SqliteOptions waiting = options();
    waiting.group_wait_ms = 50ms;
    auto waiter = open_sqlite_store(brain.get_executor(), waiting, random, log);
    BOOST_REQUIRE(waiter);
    store = std::move(*waiter);
    const AccountId id = add("shop/main");
    const auto before = stats().transactions;
    std::vector<Answer> answers;
    for (int i = 0; i < 20; ++i)
        answers.push_back(begin(store->commit(shared(SetPaused{id, true}))));
    run();
    BOOST_TEST(stats().transactions - before == 1U);
}

BOOST_FIXTURE_TEST_CASE(the_log_is_copied_when_it_is_quiet, World) {
    start();
    add("shop/main");
    for (int i = 0; i < 100 && stats().checkpoints == 0; ++i)
        std::this_thread::sleep_for(100ms);
    BOOST_TEST(stats().checkpoints >= 1U);
}

BOOST_FIXTURE_TEST_CASE(the_log_of_a_later_start_has_its_length_before_its_pages, World) {
    start();
    const AccountId id = add("shop/main");
    stop();
    const std::string log_file = folder / "tokenbroker.db-wal";
    for (int i = 0; i < 2; ++i) {
        start();
        const auto length = std::filesystem::file_size(log_file);
        BOOST_TEST(length > 4'000'000U);
        store.reset();                                 // nothing was written: zeros are no pages
        spit(log_file, std::string(4'120'032, '\0'));  // as a crash leaves it
        start();
        must(SetPaused{id, i == 0});
        BOOST_TEST(std::filesystem::file_size(log_file) == length);
        restart();
        BOOST_TEST(accounts.at(id).paused == (i == 0));
        stop();
    }
}

BOOST_FIXTURE_TEST_CASE(a_log_without_quiet_is_bounded, World) {
    start();
    const std::string large(200'000, 'x');
    const AccountId id = add("shop/main");
    std::uintmax_t most = 0;
    for (int i = 0; i < fewer(60, 25); ++i) {  // of 6 MB
        std::vector<Answer> answers;
        for (int j = 0; j < 30; ++j)
            answers.push_back(begin(store->commit(
                shared(SetState{id, 1, GrantState::misconfigured, large, false, false}))));
        answers.push_back(begin(store->commit(shared(SetPaused{id, true}))));
        run();
        most = std::max(most, std::filesystem::file_size(folder / "tokenbroker.db-wal"));
    }
    BOOST_TEST(most < (limits::store_log_pages_max + 8'000) * 4'120U);
}
