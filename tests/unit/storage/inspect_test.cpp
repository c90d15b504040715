// What doctor says of the key: of each state of a change of it (keyring.hpp) what a start would.
#include <sys/stat.h>

#include "fixture.hpp"
#include "storage/inspect.hpp"
#include "storage/keyring.hpp"
#include "storage/open.hpp"

namespace tb::storage::test {
namespace {

struct Inspected : World {
    Inspected() {
        start();
        add("shop/main", "rt_test_0");
        stop();
    }
    std::string path(const char* name) const { return folder / name; }
    // The new key is in force, rows are still under the old one.
    void begin_change(const std::string& next_path, bool done) {
        spit(next_path, std::string(64, 'b'));
        BOOST_REQUIRE(chmod(next_path.c_str(), 0600) == 0);
        auto database = open_writer(path("tokenbroker.db"), Checks::all);
        BOOST_REQUIRE(database);
        const auto found = find_keys(folder.path(), credentials);
        Sealer next(*std::ranges::find(found.keys, next_path, &MasterKey::path));
        (*database)->run("BEGIN");
        enter_key(**database, next);
        if (done) mark_previous_done(**database, next);
        BOOST_TEST((*database)->run("COMMIT"));
    }
    StoreReport look() const { return inspect_store(folder.path(), credentials); }
    void fits(const std::string& key) const {
        const StoreReport report = look();
        BOOST_TEST(report.key_known);
        BOOST_TEST(report.key_trouble == "");
        BOOST_TEST(report.key_path == key);
    }
    void is_wrong(std::string_view words) const {
        const StoreReport report = look();
        BOOST_TEST(report.key_known);
        BOOST_TEST_CONTEXT(report.key_trouble)
        BOOST_TEST(report.key_trouble.find(words) != std::string::npos);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(inspect)

BOOST_FIXTURE_TEST_CASE(the_key_of_a_change_is_no_wrong_key, Inspected) {
    fits(path("master.key"));
    begin_change(path("master.key.new"), false);
    fits(path("master.key.new"));
    // Both are needed.
    std::filesystem::rename(path("master.key"), path("away"));
    is_wrong("still sealed with the one before (id ");
    std::filesystem::rename(path("away"), path("master.key"));
    std::filesystem::rename(path("master.key.new"), path("away"));
    is_wrong("master.key is not the key that the store was sealed with");
    std::filesystem::remove(path("master.key"));
    is_wrong("the master key is missing");
}

BOOST_FIXTURE_TEST_CASE(after_a_change_the_old_key_is_not_missed, Inspected) {
    begin_change(path("master.key.new"), true);
    fits(path("master.key.new"));
    std::filesystem::remove(path("master.key"));
    fits(path("master.key.new"));
}

BOOST_FIXTURE_TEST_CASE(the_key_may_be_the_second_credential, Inspected) {
    const Folder given;
    credentials = given.path();
    std::filesystem::rename(path("master.key"), given / "master-key");
    fits(given / "master-key");
    begin_change(given / "master-key.new", true);
    fits(given / "master-key.new");
}

BOOST_FIXTURE_TEST_CASE(a_key_that_others_can_read_is_told, Inspected) {
    BOOST_REQUIRE(chmod(path("master.key").c_str(), 0644) == 0);
    is_wrong("others can reach the master key");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::storage::test
