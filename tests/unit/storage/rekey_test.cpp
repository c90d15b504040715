// A new master key under a store that goes on: nothing is lost, nothing stays under the old key,
// and a start finds its way from every state in between. The kill at each system call is in
// rekey_kill_test.cpp.
#include <sys/stat.h>

#include "base/limits.hpp"
#include "fixture.hpp"
#include "storage/keyring.hpp"
#include "storage/open.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

namespace {

struct Changing : World {
    std::string db() const { return folder / "tokenbroker.db"; }
    // Everything there is a table for, in `n` accounts.
    void fill(int n) {
        for (int i = 0; i < n; ++i) {
            const AccountId id = add("shop/" + std::to_string(i), "rt_test_" + std::to_string(i));
            must(renewed(id, 1, 1, "", "at_test_" + std::to_string(i)));
        }
        SetState refuse = set_state(1, 1, GrantState::login_required, "refused");
        refuse.retire_grant = true;
        must(refuse);
        must(intend(2, 1, 77));
        must(SetClientSecret{"shop", "client_secret", Secret("cs_test_1")});
        must(SetClientSecret{"shop", "api_key", Secret("cs_test_2")});
        must(SetClientSecret{"other", "client_secret", Secret("cs_test_3")});
    }
    void check(int n) {
        BOOST_REQUIRE(accounts.size() == static_cast<std::size_t>(n));
        for (const auto& [id, record] : accounts) {
            const std::string number = std::to_string(id - 1);
            BOOST_TEST(opened(id) == "rt_test_" + number);
            BOOST_REQUIRE(record.token.has_value());
            BOOST_TEST(record.token->access_token.view() == "at_test_" + number);
        }
        BOOST_TEST((accounts.at(1).state == GrantState::login_required));
        BOOST_REQUIRE(accounts.at(2).intent.has_value());
        BOOST_TEST(accounts.at(2).intent->fingerprint == accounts.at(2).grant_fingerprint);
        const auto secrets = ask(store->open_client_secrets("shop"));
        BOOST_REQUIRE(secrets);
        BOOST_TEST(secrets->find("client_secret")->view() == "cs_test_1");
        BOOST_TEST(secrets->find("api_key")->view() == "cs_test_2");
    }
    Result<void> rekey() { return ask(store->rekey()); }
    void must_rekey() { BOOST_REQUIRE(rekey()); }
    void wait_until_changed() {
        for (int i = 0; i < 3'000 && store->keys().changing; ++i)
            usleep(10'000);
        BOOST_REQUIRE(!store->keys().changing);
    }
    // Nonces of everything sealed, which stand for the seals.
    std::vector<std::string> nonces() {
        std::vector<std::string> all;
        sqlite3* handle = nullptr;
        BOOST_REQUIRE(sqlite3_open(db().c_str(), &handle) == SQLITE_OK);
        const auto collect = [](void* into, int, char** values, char**) {
            std::string bytes;
            for (const char* at = values[0]; at[0] != '\0'; at += 2)
                bytes.push_back(static_cast<char>(std::stoi(std::string(at, 2), nullptr, 16)));
            static_cast<std::vector<std::string>*>(into)->push_back(bytes);
            return 0;
        };
        const char* statement =
            "SELECT hex(substr(grant_sealed, 2, 12)) FROM account UNION ALL "
            "SELECT hex(substr(token_sealed, 2, 12)) FROM account UNION ALL "
            "SELECT hex(substr(grant_sealed, 2, 12)) FROM retired_grant UNION ALL "
            "SELECT hex(substr(value_sealed, 2, 12)) FROM client_secret";
        BOOST_REQUIRE(sqlite3_exec(handle, statement, collect, &all, nullptr) == SQLITE_OK);
        sqlite3_close(handle);
        return all;
    }
    int found_in_files(const std::vector<std::string>& pieces) {
        const std::string bytes = slurp(db()) + slurp(db() + "-wal");
        int found = 0;
        for (const std::string& piece : pieces)
            found += bytes.find(piece) != std::string::npos ? 1 : 0;
        return found;
    }
};

void put_key(const std::string& path, char fill) {
    spit(path, std::string(64, fill));
    BOOST_REQUIRE(chmod(path.c_str(), 0600) == 0);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_new_key_takes_everything_along, Changing) {
    // More rows than two turns, so that the store is met in between; removals and changes leave
    // gaps in its pages.
    const int many = static_cast<int>(2 * limits::rekey_rows_per_turn) + 10;
    start();
    fill(many);
    for (int i = 0; i < 40; ++i) {
        const AccountId id = add("shop/gone" + std::to_string(i), std::string(900, 'g'));
        must(RemoveAccount{id});
    }
    restart();
    const StoreKeys before = store->keys();
    BOOST_TEST(before.path == folder / "master.key");
    BOOST_TEST(before.id.size() == 16U);
    BOOST_TEST(!before.changing);
    stop();
    const std::vector<std::string> old = nonces();
    BOOST_TEST(found_in_files(old) == static_cast<int>(old.size()));
    const std::string old_key = slurp(folder / "master.key");
    start();
    must_rekey();
    // In force at once, whatever is under which key.
    BOOST_TEST(store->keys().id != before.id);
    check(many);
    if (const auto second = rekey(); !second) BOOST_TEST(second.error().code == errc::config);
    const AccountId late = add("shop/late", "rt_test_late");
    wait_until_changed();
    BOOST_TEST(store->keys().path == folder / "master.key");
    BOOST_TEST(!std::filesystem::exists(folder / "master.key.new"));
    BOOST_TEST(slurp(folder / "master.key") != old_key);
    BOOST_TEST(found_in_files(old) == 0);
    BOOST_TEST(opened(late) == "rt_test_late");
    must(RemoveAccount{late});
    restart();
    check(many);
    BOOST_TEST(found_in_files(old) == 0);
    stop();
    // The old key opens nothing.
    spit(folder / "master.key", old_key);
    BOOST_TEST(refused() == errc::key_missing);
    BOOST_TEST(message.find("is not the one") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_start_goes_on_with_a_change_of_the_key, Changing) {
    const int many = static_cast<int>(2 * limits::rekey_rows_per_turn) + 10;
    start();
    fill(many);
    must_rekey();
    const std::string id = store->keys().id;
    stop();  // in the middle of it, most likely: either way it must come to its end
    start();
    BOOST_TEST(store->keys().id == id);
    check(many);
    wait_until_changed();
    restart();
    check(many);
    BOOST_TEST(store->keys().id == id);
    BOOST_TEST(!std::filesystem::exists(folder / "master.key.new"));
}

BOOST_FIXTURE_TEST_CASE(without_one_of_the_two_keys_nothing_starts, Changing) {
    start();
    fill(3);
    stop();
    put_key(folder / "master.key.new", 'b');
    {
        // State 2 of keyring.hpp by hand: the new key is in force, all rows are under the old one.
        auto database = open_writer(db(), Checks::all);
        BOOST_REQUIRE(database);
        SystemRandom draws;
        auto keyring = open_keyring(**database, folder.path(), "", draws, log);
        BOOST_REQUIRE(keyring);
        const auto head = read_head(**database, *keyring->sealers.current);
        BOOST_REQUIRE(head);
        const auto found = find_keys(folder.path(), "");
        Sealer next(found.keys.back());
        (*database)->run("BEGIN");
        enter_key(**database, next);
        Statement statement(**database, write_head_sql);
        write_head(statement, next, *head);
        BOOST_TEST((*database)->run("COMMIT"));
    }
    const std::string old_key = slurp(folder / "master.key");
    std::filesystem::rename(folder / "master.key", folder / "away");
    BOOST_TEST(refused() == errc::key_missing);
    BOOST_TEST_CONTEXT(message) {
        BOOST_TEST(message.find("still sealed with the key before") != std::string::npos);
    }
    BOOST_TEST(!std::filesystem::exists(folder / "master.key"));
    std::filesystem::rename(folder / "away", folder / "master.key");
    std::filesystem::rename(folder / "master.key.new", folder / "away");
    BOOST_TEST(refused() == errc::key_missing);
    BOOST_TEST(message.find("is not the one") != std::string::npos);
    std::filesystem::rename(folder / "away", folder / "master.key.new");
    start();
    check(3);
    wait_until_changed();
    BOOST_TEST(slurp(folder / "master.key") == std::string(64, 'b'));
    restart();
    check(3);
}

BOOST_FIXTURE_TEST_CASE(keys_in_the_record_can_not_be_swapped, Changing) {
    start();
    fill(3);
    must_rekey();
    wait_until_changed();
    stop();
    const std::string whole = slurp(db());
    sql("UPDATE keyring SET key_id = zeroblob(8)");
    BOOST_TEST(refused() == errc::key_missing);
    spit(db(), whole);
    sql("INSERT INTO keyring SELECT 2, zeroblob(8), check_sealed FROM keyring");
    BOOST_TEST(refused() == errc::key_missing);
    spit(db(), whole);
    sql("UPDATE keyring SET check_sealed = zeroblob(50)");
    BOOST_TEST(refused() == errc::key_missing);
}

BOOST_FIXTURE_TEST_CASE(a_credential_is_changed_by_its_owner_alone, Changing) {
    Folder given;
    credentials = given.path();
    put_key(given / "master-key", 'c');
    start();
    fill(3);
    const auto refusal = rekey();
    BOOST_REQUIRE(!refusal);
    BOOST_TEST(refusal.error().code == errc::config);
    BOOST_TEST(refusal.error().message.find("master-key.new") != std::string::npos);
    BOOST_TEST(!std::filesystem::exists(folder / "master.key.new"));
    put_key(given / "master-key.new", 'd');
    must_rekey();
    BOOST_TEST(store->keys().path == given / "master-key.new");
    wait_until_changed();
    // The old credential is there still; going back to it is not a change of the key.
    const auto back = rekey();
    BOOST_REQUIRE(!back);
    BOOST_TEST(back.error().message.find("make it master-key first") != std::string::npos);
    restart();
    check(3);
    BOOST_TEST(log.contains("is not the key of"));
    stop();
    std::filesystem::rename(given / "master-key.new", given / "master-key");
    start();
    check(3);
    BOOST_TEST(store->keys().path == given / "master-key");
}

BOOST_FIXTURE_TEST_CASE(from_a_file_to_a_credential, Changing) {
    start();
    fill(3);
    stop();
    Folder given;
    credentials = given.path();
    put_key(given / "master-key", 'c');
    start();  // with the file, and says so
    BOOST_TEST(store->keys().path == folder / "master.key");
    BOOST_TEST(log.contains("is not the key of"));
    must_rekey();
    wait_until_changed();
    BOOST_TEST(store->keys().path == given / "master-key");
    BOOST_TEST(!std::filesystem::exists(folder / "master.key"));
    restart();
    check(3);
}

BOOST_FIXTURE_TEST_CASE(an_old_database_learns_the_second_key, Changing) {
    start();
    fill(3);
    stop();
    // As version 1 wrote it.
    sql("CREATE TABLE one(id INTEGER PRIMARY KEY CHECK(id = 1), key_id BLOB NOT NULL, "
        "check_sealed BLOB NOT NULL) STRICT; INSERT INTO one SELECT * FROM keyring;"
        "DROP TABLE keyring; ALTER TABLE one RENAME TO keyring; PRAGMA user_version = 1");
    start();
    check(3);
    must_rekey();
    wait_until_changed();
    check(3);
}

BOOST_FIXTURE_TEST_CASE(a_large_database_is_written_anew_at_the_stop, Changing) {
    start();
    fill(3);
    // 40 KiB a row.
    const auto rows = limits::rekey_vacuum_bytes_max / 40'000 + 10;
    for (std::int64_t i = 0; i < rows; ++i) {
        AddAccount change;
        change.account.name = "large/" + std::to_string(i);
        change.account.provider = "webroot";
        change.grant = grant(std::string(40'000, 'l'));
        (void)begin(store->commit(std::make_shared<Change>(std::move(change))));
        if (i % 100 == 0) run();
    }
    run();
    must_rekey();
    for (int i = 0; i < fewer(3'000, 12'000) && !store->keys().waits_for_stop; ++i)
        usleep(10'000);
    BOOST_TEST(store->keys().waits_for_stop);
    BOOST_TEST(std::filesystem::exists(folder / "master.key.new"));
    BOOST_TEST(rekey().error().message.find("is stopped") != std::string::npos);
    stop();
    BOOST_TEST(!std::filesystem::exists(folder / "master.key.new"));
    start();
    BOOST_TEST(!store->keys().changing);
    BOOST_TEST(opened(1) == "rt_test_0");
    BOOST_TEST(accounts.size() == static_cast<std::size_t>(rows + 3));
}
