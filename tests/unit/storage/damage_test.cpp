// Databases that are not what we wrote: each is refused with a message that names the file, and is
// the same byte for byte afterwards.
#include "fixture.hpp"
#include "storage/database.hpp"
#include "storage/schema.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

namespace {
struct Damaged : World {
    std::string db() const { return folder / "tokenbroker.db"; }
    // An id, with the store stopped and everything in one file.
    AccountId two_accounts() {
        start();
        const AccountId id = add("shop/main", "rt_test_main");
        add("shop/other", "rt_test_other");
        must(renewed(id, 1, 1, "", "at_test_main"));
        must(renewed(id + 1, 1, 1, "", "at_test_other"));
        must(SetClientSecret{"shop", "client_secret", Secret("cs_test_1")});
        stop();
        return id;
    }
    void refuse_untouched(errc code, std::string_view says) {
        const std::string before = slurp(db());
        BOOST_TEST(refused() == code);
        BOOST_TEST_CONTEXT(message) {
            BOOST_TEST(message.find(says) != std::string::npos);
        }
        BOOST_TEST((slurp(db()) == before));
    }
    std::string damaged_at_load(std::string_view statement) {
        const std::string before = slurp(db());
        sql(std::string(statement));
        const auto started = try_start();
        BOOST_REQUIRE(!started);
        BOOST_TEST(started.error().code == errc::damaged);
        store.reset();
        spit(db(), before);
        start();  // what was put right works again
        stop();
        return started.error().message;
    }
};
}  // namespace

BOOST_FIXTURE_TEST_CASE(a_file_that_is_no_database, Damaged) {
    two_accounts();
    const std::string whole = slurp(db());
    spit(db(), "hello");
    refuse_untouched(errc::damaged, db());
    spit(db(), std::string(8192, '\xaa'));
    refuse_untouched(errc::damaged, "move it away");
    spit(db(), whole.substr(0, whole.size() / 2 / 4096 * 4096));
    refuse_untouched(errc::damaged, "is damaged");
    spit(db(), whole.substr(0, 4096));
    refuse_untouched(errc::damaged, "is damaged");
    spit(db(), whole.substr(0, 100));
    refuse_untouched(errc::damaged, "is damaged");
    std::string changed = whole;
    for (std::size_t i = 4096; i < changed.size(); i += 4096)
        changed.replace(i, 16, std::string(16, '\xff'));
    spit(db(), changed);
    refuse_untouched(errc::damaged, "Restore a backup");
    spit(db(), whole);
    start();
    BOOST_TEST(accounts.size() == 2U);
}

BOOST_FIXTURE_TEST_CASE(an_empty_file_is_new_only_without_a_log, Damaged) {
    spit(db(), "");
    start();
    add("shop/main");
    const std::string log_bytes = slurp(db() + "-wal");
    BOOST_REQUIRE(!log_bytes.empty());
    stop();
    spit(db(), "");
    spit(db() + "-wal", log_bytes);
    refuse_untouched(errc::damaged, "-wal");
    BOOST_TEST((slurp(db() + "-wal") == log_bytes));
    std::filesystem::remove(db());
    BOOST_TEST(refused() == errc::damaged);
    BOOST_TEST(!std::filesystem::exists(db()));
}

BOOST_FIXTURE_TEST_CASE(another_applications_database, Damaged) {
    sql("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
    refuse_untouched(errc::damaged, "is not a token broker database");
    sql("PRAGMA application_id = 7");
    refuse_untouched(errc::damaged, "is not a token broker database");
    sql("PRAGMA journal_mode = WAL; INSERT INTO theirs VALUES(2)");
    refuse_untouched(errc::damaged, "is not a token broker database");
}

BOOST_FIXTURE_TEST_CASE(a_newer_database_is_left_alone, Damaged) {
    two_accounts();
    sql("PRAGMA user_version = 999");
    refuse_untouched(errc::too_new, "999");
    // The newer number only in the log: nothing is copied into the file either.
    sql("PRAGMA user_version = 1");
    start();
    add("shop/third");
    stop();
    sqlite3* theirs = nullptr;
    BOOST_REQUIRE(sqlite3_open(db().c_str(), &theirs) == SQLITE_OK);
    sqlite3_db_config(theirs, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_exec(theirs, "PRAGMA user_version = 998", nullptr, nullptr, nullptr);
    sqlite3_close(theirs);
    const std::string log_bytes = slurp(db() + "-wal");
    BOOST_REQUIRE(!log_bytes.empty());
    refuse_untouched(errc::too_new, "998");
    BOOST_TEST((slurp(db() + "-wal") == log_bytes));
}

BOOST_FIXTURE_TEST_CASE(changed_rows_are_found_at_load, Damaged) {
    two_accounts();
    const auto names = [](const std::string& text, std::string_view what) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(text.find(what) != std::string::npos);
        }
    };
    const std::string a = "(SELECT id FROM account WHERE name = 'shop/main')";
    const std::string b = "(SELECT id FROM account WHERE name = 'shop/other')";
    names(damaged_at_load("UPDATE account SET paused = 1 WHERE id = " + a), "account shop/main");
    names(damaged_at_load("UPDATE account SET grant_expires_at = 1 WHERE id = " + a), "shop/main");
    names(damaged_at_load("UPDATE account SET name = 'shop/evil' WHERE id = " + a), "shop/evil");
    names(damaged_at_load("CREATE TEMP TABLE t AS SELECT id, grant_sealed FROM account;"
                          "UPDATE account SET grant_sealed = (SELECT grant_sealed FROM t WHERE "
                          "t.id <> account.id)"),
          "shop/main");
    names(damaged_at_load("CREATE TEMP TABLE t AS SELECT id, token_sealed FROM account;"
                          "UPDATE account SET token_sealed = (SELECT token_sealed FROM t WHERE "
                          "t.id <> account.id)"),
          "shop/main");
    names(damaged_at_load("UPDATE account SET grant_sealed = token_sealed WHERE id = " + b),
          "shop/other");
    names(damaged_at_load("UPDATE account SET grant_sealed = substr(grant_sealed, 1, 20)"),
          "shop/main");
    names(damaged_at_load("UPDATE client_secret SET client = 'other'"), "client_secret");
    names(damaged_at_load("DELETE FROM account WHERE name = 'shop/other'"), "not those");
    names(damaged_at_load("DELETE FROM client_secret"), "not those");
    names(damaged_at_load("DELETE FROM head"), "head record");
    names(damaged_at_load("UPDATE head SET head_sealed = zeroblob(60)"), "head record");
    names(damaged_at_load("DELETE FROM keyring"), "record of its key");
}

BOOST_FIXTURE_TEST_CASE(flipped_bytes_in_a_sealed_value_name_account_and_column, Damaged) {
    const AccountId id = two_accounts();
    // Inside the ciphertext, so that nonce, tag and length, and with them the row's hash, stay.
    const std::string flip =
        "UPDATE account SET {} = CAST(substr({}, 1, 13) || zeroblob(16) || substr({}, 30) AS BLOB) "
        "WHERE name = 'shop/main'";
    const auto of = [&flip](const std::string& column) {
        std::string out = flip;
        for (auto at = out.find("{}"); at != std::string::npos; at = out.find("{}"))
            out.replace(at, 2, column);
        return out;
    };
    const std::string said = damaged_at_load(of("token_sealed"));
    BOOST_TEST_CONTEXT(said) {
        BOOST_TEST(said.find("account shop/main: the stored token") == 0U);
    }
    // A grant is opened only when it is needed: then it is refused, and the others are not.
    sql(of("grant_sealed"));
    start();
    const auto grant_of = ask(store->open(id));
    BOOST_REQUIRE(!grant_of);
    BOOST_TEST(grant_of.error().code == errc::damaged);
    BOOST_TEST(grant_of.error().message.find("account shop/main: the stored grant") == 0U);
    BOOST_TEST(opened(id + 1) == "rt_test_other");
}

BOOST_FIXTURE_TEST_CASE(an_older_row_put_back_is_found, Damaged) {
    const AccountId id = two_accounts();
    const std::string old = folder / "old.db";
    std::filesystem::copy_file(db(), old);
    start();
    must(renewed(id, 1, 2, "rt_test_second", "at_test_second"));
    stop();
    // Every byte of the row is ours, and its hash fits; only the head knows better.
    sql("ATTACH '" + old +
        "' AS old; PRAGMA foreign_keys = OFF;"
        "DELETE FROM account WHERE id = " +
        std::to_string(id) +
        ";"
        "INSERT INTO account SELECT * FROM old.account WHERE id = " +
        std::to_string(id));
    const auto started = try_start();
    BOOST_REQUIRE(!started);
    BOOST_TEST(started.error().code == errc::damaged);
    BOOST_TEST(started.error().message.find("an older row was put back") != std::string::npos);
    store.reset();
    std::filesystem::remove(old);
}

BOOST_FIXTURE_TEST_CASE(a_row_changed_while_running_fails_alone, Damaged) {
    const AccountId id = two_accounts();
    start();
    sqlite3* theirs = nullptr;
    BOOST_REQUIRE(sqlite3_open(db().c_str(), &theirs) == SQLITE_OK);
    BOOST_REQUIRE(sqlite3_exec(theirs, "UPDATE account SET paused = 1 WHERE name = 'shop/main'",
                               nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(theirs);
    auto bad = begin(store->commit(std::make_shared<Change>(SetPaused{id, false})));
    auto good = begin(store->commit(std::make_shared<Change>(SetPaused{id + 1, true})));
    run();
    BOOST_REQUIRE(!**bad);
    BOOST_TEST((*bad)->error().code == errc::damaged);
    BOOST_TEST((*good)->has_value());
}

BOOST_AUTO_TEST_CASE(a_failing_migration_leaves_the_version_before) {
    Folder folder;
    spit(folder / "x.db", "");
    const std::string_view good[] = {"CREATE TABLE a(x) STRICT; "};
    const std::string_view one[] = {"CREATE TABLE a(x INTEGER) STRICT",
                                    "CREATE TABLE b(x INTEGER) STRICT; CREATE TABLE a(x)"};
    const std::string_view two[] = {"never run again", "CREATE TABLE b(x INTEGER) STRICT",
                                    "INSERT INTO b VALUES(1)"};
    auto database = Database::open(folder / "x.db");
    BOOST_REQUIRE(database);
    Database& db = **database;
    BOOST_TEST(!migrate(db, good));  // a STRICT column has a type
    BOOST_TEST(*db.integer("PRAGMA user_version") == 0);
    BOOST_TEST(!migrate(db, one));
    BOOST_TEST(*db.integer("PRAGMA user_version") == 1);
    BOOST_TEST(*db.integer("PRAGMA application_id") == application_id);
    BOOST_TEST(*db.integer("SELECT count(*) FROM sqlite_schema") == 1);
    BOOST_TEST(migrate(db, two).has_value());
    BOOST_TEST(*db.integer("PRAGMA user_version") == 3);
    BOOST_TEST(*db.integer("SELECT count(*) FROM b") == 1);
}
