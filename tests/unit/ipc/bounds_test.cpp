// The bounds of one turn and of what is read about a caller: at the limit all is well, one beyond
// it the caller waits for its turn, or nothing is believed.
#include <grp.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/limits.hpp"
#include "door.hpp"
#include "harness.hpp"
#include "ipc/hash_cache.hpp"
#include "ipc/proc.hpp"
#include "process.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::ipc::test;
using namespace tb::test;

namespace {
// Asks for a reply of this many bytes, its NUL among them.
std::string reply_of(std::size_t bytes) {
    boost::json::object parameters;
    parameters["bytes"] = bytes - 1;
    return call("Big", parameters);
}

FileVersion version(std::size_t n) {
    return {1, n, 4096, 1'700'000'000, 0};
}

// A program that sleeps, in a file of exactly this size: what is behind its end is a hole.
std::string sleeper(const TempFolder& folder, std::size_t bytes) {
    const std::string path = folder.file("sleeper");
    std::filesystem::copy_file("/bin/sleep", path,
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(path, bytes);
    return path;
}

// The hash of a process that runs this program; nullopt if there is none.
std::optional<std::string> hash_while_it_runs(const std::string& path) {
    Door server;
    Child child([&](Child&) {
        const UniqueFd fd = connect_to(server.path);
        const int kept = ::dup(fd.get());  // without FD_CLOEXEC: it stays connected
        if (kept >= 0) ::execl(path.c_str(), "sleeper", "30", nullptr);
        return 1;
    });
    const UniqueFd fd = server.accept();
    const auto caller = identify(fd.get());
    BOOST_REQUIRE(caller.has_value());
    struct stat info{};
    BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
    const FileIdentity wanted{info.st_dev, info.st_ino};
    for (int i = 0; i < 1000 && read_exe(*caller) != wanted; ++i)
        ::usleep(10'000);
    BOOST_REQUIRE((read_exe(*caller) == wanted));
    return read_exe_sha256(*caller);
}

// The groups of a child that took this many on; none if the kernel didn't let it.
std::size_t groups_seen(std::size_t count) {
    Door server;
    Child child([&](Child& self) {
        std::vector<gid_t> groups(count);
        for (std::size_t i = 0; i < count; ++i)
            groups[i] = static_cast<gid_t>(5000 + i % 1'000);
        if (::setgroups(groups.size(), groups.data()) != 0) return 1;
        const UniqueFd fd = connect_to(server.path);
        self.say();
        self.wait_for_word();
        return 0;
    });
    if (child.wait_for_word() == 0) return 0;
    const UniqueFd fd = server.accept();
    const auto caller = identify(fd.get());
    BOOST_REQUIRE(caller.has_value());
    return caller->groups.size();
}
}  // namespace

BOOST_FIXTURE_TEST_CASE(a_turn_ends_when_its_replies_are_large, Fixture) {
    struct Row {
        std::size_t first_reply;
        int sends;
        std::vector<std::string> seen;
    };
    const Row rows[] = {
        {limits::reply_bytes_per_turn_max - 1, 1, {"Big", "Big", "Echo"}},
        {limits::reply_bytes_per_turn_max, 2, {"Big", "Echo", "Big"}},  // the other had its turn
    };
    for (const Row& row : rows) {
        service.seen.clear();
        const auto greedy = connect_wire();
        const auto other = connect_wire();
        pump();
        greedy->put(reply_of(row.first_reply) + reply_of(2));
        other->put(echo("me too"));
        pump();
        BOOST_TEST(greedy->sent.size() == row.first_reply + 2);
        BOOST_TEST(greedy->sends == row.sends);
        BOOST_TEST(other->sends == 1);
        BOOST_TEST(service.seen == row.seen, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(more_groups_than_a_process_can_have_are_not_asked_for) {
    BOOST_TEST(groups_worth_a_second_look(ERANGE, limits::peer_groups_max));
    BOOST_TEST(!groups_worth_a_second_look(ERANGE, limits::peer_groups_max + 1));
    BOOST_TEST(!groups_worth_a_second_look(ENOPROTOOPT, 1));
    if (skipped(is_root(), "root")) return;
    BOOST_TEST(groups_seen(limits::peer_groups_max) == limits::peer_groups_max);
    BOOST_TEST(groups_seen(limits::peer_groups_max + 1) == 0U);  // the reason of the limit
}

BOOST_AUTO_TEST_CASE(a_file_of_proc_is_read_whole_or_not_at_all) {
    const TempFolder folder;
    const std::string path = folder.file("file");
    for (const std::size_t size : {std::size_t{0}, limits::proc_file_bytes_max}) {
        const std::string text(size, 'x');
        std::ofstream(path) << text;
        BOOST_TEST((proc::read(::getpid(), "root" + path) == text), size << " bytes");
    }
    std::ofstream(path) << std::string(limits::proc_file_bytes_max + 1, 'x');
    BOOST_TEST(!proc::read(::getpid(), "root" + path).has_value());
}

BOOST_AUTO_TEST_CASE(a_larger_executable_has_no_hash) {
    const TempFolder folder;
    BOOST_TEST(hash_while_it_runs(sleeper(folder, limits::exe_hash_bytes_max)).has_value());
    std::filesystem::remove(folder.file("sleeper"));
    BOOST_TEST(!hash_while_it_runs(sleeper(folder, limits::exe_hash_bytes_max + 1)).has_value());
}

BOOST_AUTO_TEST_CASE(the_hash_remembered_first_is_forgotten_first) {
    HashCache cache;
    for (std::size_t n = 0; n < limits::exe_hashes_kept_max; ++n)
        cache.put(version(n), std::to_string(n));
    BOOST_TEST(cache.find(version(0)).value_or("none") == "0");
    cache.put(version(limits::exe_hashes_kept_max), "new");
    BOOST_TEST(cache.find(version(limits::exe_hashes_kept_max)).value_or("none") == "new");
    BOOST_TEST(!cache.find(version(0)).has_value());
    BOOST_TEST(cache.find(version(1)).value_or("none") == "1");
}
