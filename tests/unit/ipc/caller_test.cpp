// Caller identity with real sockets and real processes, by SO_PEERPIDFD and by number.
#include "ipc/caller.hpp"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/stat.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>

#include "ipc/proc.hpp"
#include "tests/unit/ipc/door.hpp"
#include "tests/unit/ipc/process.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::test;

namespace {
constexpr uid_t stranger = 4711;

struct Way {
    const char* name;
    Result<Caller> (*identify)(int);
};
const Way ways[] = {{"by the socket", &identify}, {"by number", &identify_without_peerpidfd}};
std::ostream& operator<<(std::ostream& out, const Way& way) {
    return out << way.name;
}

Caller identified(const Way& way, int fd) {
    auto caller = way.identify(fd);
    BOOST_REQUIRE(caller.has_value());
    return std::move(*caller);
}

void check_nothing_is_believed(const Caller& caller) {
    BOOST_TEST(!alive(caller));
    BOOST_TEST(!read_unit(caller).has_value());
    BOOST_TEST(!read_cgroup(caller).has_value());
    BOOST_TEST(!read_exe(caller).has_value());
    BOOST_TEST(!read_exe_sha256(caller).has_value());
}

FileIdentity file(const char* path) {
    struct stat info{};
    BOOST_REQUIRE(::stat(path, &info) == 0);
    return {info.st_dev, info.st_ino};
}
}  // namespace

BOOST_DATA_TEST_CASE(we_know_ourselves, boost::unit_test::data::make(ways), way) {
    auto [left, right] = socket_pair();
    const Caller caller = identified(way, left.get());
    BOOST_TEST(caller.uid == ::geteuid());
    BOOST_TEST(caller.gid == ::getegid());
    BOOST_TEST(caller.pid == ::getpid());
    std::vector<gid_t> groups(65'536);
    groups.resize(static_cast<std::size_t>(::getgroups(65'536, groups.data())));
    BOOST_TEST(caller.groups == groups, boost::test_tools::per_element());
    BOOST_TEST(alive(caller));
    BOOST_TEST((read_exe(caller) == file("/proc/self/exe")));
    BOOST_TEST(read_cgroup(caller).value_or("").starts_with("/"));
    BOOST_TEST((::fcntl(caller.pidfd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    const std::string text = caller.describe();
    BOOST_TEST(text.find("pid " + std::to_string(::getpid()) + " (/") != std::string::npos, text);
    BOOST_TEST(text.starts_with(is_root() ? "uid 0 (root), " : "uid "), text);
}

BOOST_DATA_TEST_CASE(a_process_that_ended_is_not_believed, boost::unit_test::data::make(ways),
                     way) {
    Door server;
    Child child([&](Child& self) {
        const UniqueFd fd = connect_to(server.path);
        self.wait_for_word();
        return 0;
    });
    const UniqueFd fd = server.accept();
    const Caller caller = identified(way, fd.get());
    BOOST_TEST(caller.pid == child.pid());
    BOOST_TEST(alive(caller));
    BOOST_TEST(read_exe(caller).has_value());
    BOOST_TEST(read_exe_sha256(caller).has_value());
    child.say();
    child.wait_until_dead();  // a zombie: its number is still taken
    check_nothing_is_believed(caller);
    BOOST_TEST(child.reap() == 0);
    check_nothing_is_believed(caller);
    BOOST_TEST(caller.describe().find("(gone)") != std::string::npos);
}

BOOST_DATA_TEST_CASE(one_that_ended_before_we_looked_too, boost::unit_test::data::make(ways), way) {
    Door server;
    Child child([&](Child&) { return connect_to(server.path) ? 0 : 1; });
    BOOST_TEST(child.reap() == 0);
    const UniqueFd fd = server.accept();
    const Caller caller = identified(way, fd.get());
    BOOST_TEST(caller.uid == ::geteuid());
    check_nothing_is_believed(caller);
}

BOOST_DATA_TEST_CASE(a_passed_on_connection_belongs_to_who_connected,
                     boost::unit_test::data::make(ways), way) {
    Door server;
    Child child([&](Child& self) {
        const UniqueFd fd = connect_to(server.path);
        if (::fork() == 0) {  // keeps the connection after its parent's death
            self.wait_for_word();
            ::_exit(0);
        }
        return 0;
    });
    const UniqueFd fd = server.accept();
    BOOST_TEST(child.reap() == 0);
    char byte = 0;  // still open: the grandchild has it
    BOOST_TEST(::recv(fd.get(), &byte, 1, MSG_DONTWAIT) < 0);
    const Caller caller = identified(way, fd.get());
    BOOST_TEST(caller.pid == child.pid());
    check_nothing_is_believed(caller);
    child.say();
}

BOOST_DATA_TEST_CASE(the_executable_is_the_one_of_now, boost::unit_test::data::make(ways), way) {
    Door server;
    Child child([&](Child& self) {
        const UniqueFd fd = connect_to(server.path);
        self.say();
        self.wait_for_word();
        ::execl("/bin/sleep", "sleep", "30", nullptr);
        return 1;
    });
    const UniqueFd fd = server.accept();
    BOOST_TEST(child.wait_for_word() == '.');
    const Caller caller = identified(way, fd.get());
    BOOST_TEST((read_exe(caller) == file("/proc/self/exe")));
    const auto hash_before = read_exe_sha256(caller);
    child.say();
    for (int i = 0; i < 1000 && read_exe(caller) != file("/bin/sleep"); ++i)
        ::usleep(10'000);
    BOOST_TEST((read_exe(caller) == file("/bin/sleep")));
    const auto hash_after = read_exe_sha256(caller);
    BOOST_REQUIRE((hash_before.has_value() && hash_after.has_value()));
    BOOST_TEST(*hash_before != *hash_after);
    BOOST_TEST(*hash_after == *read_exe_sha256(caller));  // remembered, or read again
    FILE* sum = ::popen("sha256sum /bin/sleep", "r");
    char hex[65] = {};
    BOOST_REQUIRE(sum != nullptr);
    BOOST_TEST(std::fread(hex, 1, 64, sum) == 64U);
    ::pclose(sum);
    BOOST_TEST(*hash_after == hex);
}

BOOST_DATA_TEST_CASE(another_user_is_seen_as_at_connect, boost::unit_test::data::make(ways), way) {
    if (skipped(is_root(), "root")) return;
    Door server;
    Child child([&](Child& self) {
        std::vector<gid_t> groups;
        for (gid_t i = 0; i < 100; ++i)  // more than fit at first
            groups.push_back(5000 + i);
        if (::setgroups(groups.size(), groups.data()) != 0 || ::setgid(4712) != 0 ||
            ::setuid(stranger) != 0)
            return 1;
        const UniqueFd fd = connect_to(server.path);
        self.wait_for_word();
        return fd ? 0 : 2;
    });
    const UniqueFd fd = server.accept();
    const Caller caller = identified(way, fd.get());
    BOOST_TEST(caller.uid == stranger);
    BOOST_TEST(caller.gid == 4712U);
    BOOST_TEST(caller.groups.size() == 100U);
    BOOST_TEST(caller.groups.back() == 5099U);
    BOOST_TEST(alive(caller));
    BOOST_TEST(caller.describe().starts_with("uid 4711, pid "), caller.describe());
    child.say();
    BOOST_TEST(child.reap() == 0);
}

BOOST_DATA_TEST_CASE(a_user_changed_after_connect, boost::unit_test::data::make(ways), way) {
    if (skipped(is_root(), "root")) return;
    Door server;
    Child child([&](Child& self) {
        const UniqueFd fd = connect_to(server.path);
        if (::setuid(stranger) != 0) return 1;
        self.say();
        self.wait_for_word();
        return 0;
    });
    const UniqueFd fd = server.accept();
    BOOST_TEST(child.wait_for_word() == '.');
    const Caller caller = identified(way, fd.get());
    BOOST_TEST(caller.uid == 0U);
    // The socket's own pidfd is proof; a number that now runs as somebody else is none.
    BOOST_TEST(alive(caller) == caller.pidfd_from_socket);
    child.say();
    BOOST_TEST(child.reap() == 0);
}

BOOST_AUTO_TEST_CASE(a_reused_number_has_another_start_time) {
    auto [left, right] = socket_pair();
    auto caller = identify_without_peerpidfd(left.get());
    BOOST_REQUIRE(caller.has_value());
    BOOST_TEST(!caller->pidfd_from_socket);
    BOOST_TEST(alive(*caller));
    caller->start_time += 1;
    check_nothing_is_believed(*caller);
}

BOOST_DATA_TEST_CASE(a_foreign_pid_namespace_is_pid_0, boost::unit_test::data::make(ways), way) {
    if (skipped(is_root(), "root")) return;
    auto [ours, theirs] = socket_pair();  // its peer is this process, which the child can't see
    const int fd = theirs.get();
    Child child([&](Child&) {
        if (::unshare(CLONE_NEWPID) != 0) return 9;
        const pid_t inside = ::fork();
        if (inside == 0) {
            const auto caller = way.identify(fd);
            if (!caller || caller->pid != 0) ::_exit(1);
            if (caller->uid != 0 || caller->pidfd || alive(*caller)) ::_exit(2);
            if (read_exe(*caller) || read_unit(*caller) || read_cgroup(*caller)) ::_exit(3);
            if (read_exe_sha256(*caller)) ::_exit(4);
            const bool said = caller->describe().find("another pid") != std::string::npos;
            ::_exit(said ? 0 : 5);
        }
        int status = 0;
        ::waitpid(inside, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 8;
    });
    BOOST_TEST(child.reap() == 0);
}

BOOST_DATA_TEST_CASE(what_is_no_unix_socket_has_no_caller, boost::unit_test::data::make(ways),
                     way) {
    int fds[2] = {-1, -1};
    BOOST_REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    const UniqueFd one(fds[0]);
    const UniqueFd other(fds[1]);
    const UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    for (const int fd : {one.get(), tcp.get(), -1}) {
        const auto caller = way.identify(fd);
        BOOST_REQUIRE(caller.has_error());
        BOOST_TEST((caller.error().code == errc::io));
    }
}

// A group made for the test in the real hierarchy, as systemd makes one for a unit.
BOOST_DATA_TEST_CASE(the_unit_is_read_from_the_real_cgroup, boost::unit_test::data::make(ways),
                     way) {
    namespace fs = std::filesystem;
    fs::path mounted;
    for (const char* at : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
        if (fs::exists(fs::path(at) / "cgroup.procs")) mounted = at;
    const fs::path slice = mounted / "tbtest.slice";
    const std::string unit = "tb-test-" + std::to_string(::getpid()) + ".service";
    std::error_code failed;
    if (!mounted.empty()) fs::create_directories(slice / unit / "below.service", failed);
    if (skipped(!mounted.empty() && !failed, "a writable cgroup v2 hierarchy")) return;
    {
        Door server;
        Child child([&](Child& self) {
            std::ofstream(slice / unit / "below.service" / "cgroup.procs") << ::getpid();
            const UniqueFd fd = connect_to(server.path);
            self.wait_for_word();
            return 0;
        });
        const UniqueFd fd = server.accept();
        const Caller caller = identified(way, fd.get());
        BOOST_TEST(read_cgroup(caller).value_or("") == "/tbtest.slice/" + unit + "/below.service");
        BOOST_TEST(read_unit(caller).value_or("") == unit);
        child.say();
        BOOST_TEST(child.reap() == 0);
        check_nothing_is_believed(caller);
    }
    for (const fs::path& left : {slice / unit / "below.service", slice / unit, slice})
        ::rmdir(left.c_str());
}
