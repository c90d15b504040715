// The state folder, the lock, the key file, the ballast.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.hpp"
#include "fixture.hpp"
#include "storage/ballast.hpp"
#include "storage/files.hpp"
#include "storage/key_file.hpp"
#include "storage/lock_file.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

namespace {
unsigned mode_of(const std::string& path) {
    struct stat info{};
    BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777U;
}
bool has(const std::string& message, std::string_view part) {
    return message.find(part) != std::string::npos;
}
}  // namespace

BOOST_FIXTURE_TEST_CASE(everything_made_is_for_us_alone, World) {
    const mode_t before = umask(0);
    start();
    add("shop/main");
    umask(before);
    for (const char* name : {"tokenbroker.db", "tokenbroker.db-wal", "tokenbroker.db-shm", "lock",
                             "ballast", "master.key"})
        BOOST_TEST(mode_of(folder / name) == 0600U, name);
    BOOST_TEST(log.contains("made the master key"));
}

BOOST_FIXTURE_TEST_CASE(a_folder_that_others_can_write_is_refused, World) {
    BOOST_REQUIRE(chmod(folder.path().c_str(), 0770) == 0);
    BOOST_TEST(refused() == errc::config);
    BOOST_TEST(has(message, "chmod 700 " + folder.path()));
    BOOST_REQUIRE(chmod(folder.path().c_str(), 0755) == 0);
    start();
    stop();
    if (geteuid() == 0) {
        BOOST_REQUIRE(chown(folder.path().c_str(), 12345, 0) == 0);
        BOOST_TEST(refused() == errc::config);
        BOOST_TEST(has(message, "chown"));
        BOOST_REQUIRE(chown(folder.path().c_str(), 0, 0) == 0);
    }
    BOOST_TEST(check_state_dir(folder / "nothing").error().code == errc::storage);
    spit(folder / "file", "x");
    BOOST_TEST(check_state_dir(folder / "file").error().code == errc::config);
}

BOOST_FIXTURE_TEST_CASE(a_database_that_others_can_read_is_closed_to_them, World) {
    start();
    stop();
    BOOST_REQUIRE(chmod((folder / "tokenbroker.db").c_str(), 0644) == 0);
    start();
    BOOST_TEST(mode_of(folder / "tokenbroker.db") == 0600U);
    BOOST_TEST(log.contains("could be reached by others"));
    stop();
    if (geteuid() == 0) {
        BOOST_REQUIRE(chown((folder / "tokenbroker.db").c_str(), 12345, 0) == 0);
        BOOST_TEST(refused() == errc::config);
        BOOST_TEST(has(message, "chown"));
    }
    std::filesystem::remove(folder / "tokenbroker.db");
    std::filesystem::create_symlink("/etc/hostname", folder / "tokenbroker.db");
    BOOST_TEST(refused() == errc::storage);
}

BOOST_FIXTURE_TEST_CASE(a_second_store_is_told_who_has_the_folder, World) {
    start();
    SystemRandom other_random;
    const auto second = open_sqlite_store(brain.get_executor(), options(), other_random, log);
    BOOST_REQUIRE(!second);
    BOOST_TEST(second.error().code == errc::locked);
    BOOST_TEST(has(second.error().message, "process " + std::to_string(getpid())));
    stop();
    start();
}

BOOST_AUTO_TEST_CASE(a_lock_goes_with_its_owner) {
    Folder folder;
    {
        const auto first = LockFile::take(folder / "lock");
        BOOST_REQUIRE(first);
        BOOST_TEST(slurp(folder / "lock") == std::to_string(getpid()) + "\n");
        BOOST_TEST(LockFile::take(folder / "lock").error().code == errc::locked);
    }
    BOOST_TEST(LockFile::take(folder / "lock").has_value());
    BOOST_TEST(LockFile::take(folder / "none/lock").error().code == errc::storage);
}

BOOST_AUTO_TEST_CASE(a_key_is_hex_or_raw_and_ours_alone) {
    Folder folder;
    const std::string path = folder / "master.key";
    const std::string raw = std::string("\0\n\r", 3) + std::string(29, 'r');
    const std::string hex = std::string(62, '6') + "aF";
    BOOST_TEST(!find_master_key(folder.path(), "")->has_value());
    const auto put = [&](std::string_view text, mode_t mode) {
        spit(path, text);
        BOOST_REQUIRE(chmod(path.c_str(), mode) == 0);
    };
    put(raw, 0600);
    BOOST_TEST((*find_master_key(folder.path(), ""))->bytes.view() == raw);
    for (const std::string end : {"", "\n", "\r\n"}) {
        put(hex + end, 0400);
        BOOST_REQUIRE(chmod(path.c_str(), 0600) == 0);
        BOOST_TEST((*find_master_key(folder.path(), ""))->bytes.view() ==
                   std::string(31, 'f') + "\xaf");
    }
    for (const std::string& bad :
         {std::string(), std::string(31, 'r'), std::string(33, 'r'), std::string(63, 'a'),
          std::string(64, 'g'), std::string(66, 'a'), std::string(500, 'a')}) {
        put(bad, 0600);
        BOOST_TEST(find_master_key(folder.path(), "").error().code == errc::damaged);
    }
    for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
        put(hex, mode);
        const auto refused = find_master_key(folder.path(), "");
        BOOST_REQUIRE(!refused);
        BOOST_TEST(refused.error().code == errc::config);
        BOOST_TEST(has(refused.error().message, "chmod 600 " + path));
        BOOST_TEST(!has(refused.error().message, hex));
    }
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    BOOST_TEST(find_master_key(folder.path(), "").error().code == errc::config);
}

BOOST_AUTO_TEST_CASE(a_credential_goes_before_the_file) {
    Folder folder;
    Folder credentials;
    spit(folder / "master.key", std::string(64, 'a'));
    spit(credentials / "master-key", std::string(64, 'b'));
    BOOST_REQUIRE(chmod((folder / "master.key").c_str(), 0600) == 0);
    // As systemd shows one that an access list gives to the service's user.
    BOOST_REQUIRE(chmod((credentials / "master-key").c_str(), 0440) == 0);
    BOOST_TEST((*find_master_key(folder.path(), credentials.path()))->path ==
               credentials / "master-key");
    BOOST_REQUIRE(chmod((credentials / "master-key").c_str(), 0444) == 0);
    BOOST_TEST(find_master_key(folder.path(), credentials.path()).error().code == errc::config);
    std::filesystem::remove(credentials / "master-key");
    BOOST_TEST((*find_master_key(folder.path(), credentials.path()))->path ==
               folder / "master.key");
}

BOOST_AUTO_TEST_CASE(a_key_is_made_once) {
    Folder folder;
    SystemRandom random;
    spit(folder / "master.key.draft", "of a start that was cut off");
    const auto made = make_master_key(folder.path(), random);
    BOOST_REQUIRE(made);
    BOOST_TEST(!std::filesystem::exists(folder / "master.key.draft"));
    BOOST_TEST(mode_of(folder / "master.key") == 0600U);
    BOOST_TEST((*find_master_key(folder.path(), ""))->bytes.view() == made->bytes.view());
    const std::string before = slurp(folder / "master.key");
    BOOST_TEST(!make_master_key(folder.path(), random));  // never over one that is there
    BOOST_TEST(slurp(folder / "master.key") == before);
}

BOOST_FIXTURE_TEST_CASE(a_missing_key_is_never_replaced, World) {
    start();
    const AccountId id = add("shop/main");
    stop();
    const std::string kept = slurp(folder / "master.key");
    std::filesystem::remove(folder / "master.key");
    BOOST_TEST(refused() == errc::key_missing);
    BOOST_TEST(!std::filesystem::exists(folder / "master.key"));
    spit(folder / "master.key", std::string(64, 'a'));
    BOOST_REQUIRE(chmod((folder / "master.key").c_str(), 0600) == 0);
    BOOST_TEST(refused() == errc::key_missing);
    BOOST_TEST(has(message, "is not the one"));
    BOOST_TEST(!has(message, std::string(16, 'a')));
    spit(folder / "master.key", kept);
    start();
    BOOST_TEST(opened(id) == "rt_test_first");
}

BOOST_FIXTURE_TEST_CASE(a_credential_is_the_key, World) {
    Folder given;
    credentials = given.path();
    spit(given / "master-key", std::string(64, 'c'));
    BOOST_REQUIRE(chmod((given / "master-key").c_str(), 0400) == 0);
    start();
    const AccountId id = add("shop/main");
    BOOST_TEST(!std::filesystem::exists(folder / "master.key"));
    restart();
    BOOST_TEST(opened(id) == "rt_test_first");
    stop();
    credentials.clear();
    BOOST_TEST(refused() == errc::key_missing);
}

BOOST_AUTO_TEST_CASE(a_ballast_holds_blocks_and_gives_them_back) {
    Folder folder;
    const std::string path = folder / "ballast";
    const auto blocks = [&] {
        struct stat info{};
        BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
        return info.st_blocks * 512;
    };
    Ballast ballast(path, limits::ballast_bytes);
    BOOST_TEST(!ballast.in_place());
    BOOST_REQUIRE(ballast.reserve());
    BOOST_TEST(ballast.in_place());
    BOOST_TEST(blocks() >= static_cast<long>(limits::ballast_bytes));
    BOOST_TEST(Ballast(path, limits::ballast_bytes).in_place());
    BOOST_TEST(!Ballast(path, 2 * limits::ballast_bytes).in_place());
    ballast.release();
    BOOST_TEST(!ballast.in_place());
    BOOST_TEST(blocks() == 0);
    Ballast nowhere(folder / "none/ballast", 4096);
    BOOST_TEST(nowhere.reserve().error().code == errc::storage);
}
