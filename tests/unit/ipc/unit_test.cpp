// The unit in a cgroup path, and the texts of /proc.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "ipc/caller.hpp"
#include "ipc/proc.hpp"

using namespace tb::ipc;
using std::string;

namespace {
struct Row {
    string path;
    const char* unit;  // nullptr: none
};
const Row rows[] = {
    {"/system.slice/nginx.service", "nginx.service"},
    {"/system.slice/game-server@1.service", "game-server@1.service"},
    {"/system.slice/system-game\\x2dserver.slice/game-server@eu-1.service",
     "game-server@eu-1.service"},
    {"/a.slice/a-b.slice/a-b-c.slice/x.service", "x.service"},
    {"//system.slice///nginx.service//", "nginx.service"},
    {"/nginx.service", "nginx.service"},
    {"/init.scope", "init.scope"},
    {"/-.slice/x.service", "x.service"},
    // Below a unit only that unit counts: delegation, containers, names made to deceive.
    {"/system.slice/docker.service/game-server@1.service", "docker.service"},
    {"/system.slice/docker-0af3.scope/system.slice/game-server@1.service", "docker-0af3.scope"},
    {"/machine.slice/systemd-nspawn@c.service/payload/system.slice/x.service",
     "systemd-nspawn@c.service"},
    {"/system.slice/x.service/y.slice", "x.service"},
    {"/user.slice/user-1000.slice/user@1000.service", "user@1000.service"},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/game-server@1.service",
     "user@1000.service"},
    {"/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service"},
    {"/user.slice/user-1000.slice/session-3.scope", "session-3.scope"},
    {"/user.slice/user-1000.slice/session-3.scope/x.service", "session-3.scope"},
    // Names that begin like a kernel file or controller are escaped by one underscore.
    {"/system.slice/_cpu.service", "cpu.service"},
    {"/_cgroup.slice/x.service", "x.service"},
    {"/system.slice/__x.service", "_x.service"},
    {"/system.slice/dev-hugepages.mount", "dev-hugepages.mount"},
    {"/system.slice/systemd-fsck@dev-disk-by\\x2duuid-1.service",
     "systemd-fsck@dev-disk-by\\x2duuid-1.service"},
    {"/system.slice/a:b_c.d-e.socket", "a:b_c.d-e.socket"},
    // None at all.
    {"/", nullptr},
    {"", nullptr},
    {"system.slice/x.service", nullptr},
    {"/system.slice", nullptr},
    {"/user.slice/user-1000.slice", nullptr},
    {"/docker/0af3/system.slice/x.service", nullptr},
    {"/kubepods/besteffort/pod1/x.service", nullptr},
    {"/lxc/x.service", nullptr},
    {"/../system.slice/x.service", nullptr},
    {"/../../x.service", nullptr},
    {"/system.slice/../x.service", nullptr},
    {"/system.slice/./x.service", nullptr},
    {"/system.slice/x", nullptr},
    {"/system.slice/x.", nullptr},
    {"/system.slice/.service", nullptr},
    {"/system.slice/_.service", nullptr},
    {"/system.slice/x.Service", nullptr},
    {"/system.slice/x.services", nullptr},
    {"/system.slice/x.conf", nullptr},
    {"/system.slice/game-server@.service", nullptr},
    {"/system.slice/@1.service", nullptr},
    {"/system.slice/a b.service", nullptr},
    {"/system.slice/a\nb.service", nullptr},
    {"/system.slice/ä.service", nullptr},
    {"/system.slice/a*.service", nullptr},
    {"/system.slice/x.service (deleted)", nullptr},
    {"/system.slice/a@b.slice", nullptr},  // an instance of a slice is neither
    {"/a@b.slice/x.service", nullptr},     //
    {"/.slice/x.service", nullptr},        //
    {"/sl ice.slice/x.service", nullptr},  //
    {"/" + string(256, 'a') + ".slice/x.service", nullptr},
};
}  // namespace

BOOST_AUTO_TEST_CASE(the_system_managers_unit_of_a_cgroup) {
    for (const Row& row : rows) {
        const auto unit = unit_of_cgroup(row.path);
        BOOST_TEST_CONTEXT(row.path) {
            BOOST_TEST(unit.value_or("none") == (row.unit == nullptr ? "none" : row.unit));
        }
    }
    const string longest(255 - 8, 'a');
    BOOST_TEST(unit_of_cgroup("/" + longest + ".service").has_value());
    BOOST_TEST(!unit_of_cgroup("/" + longest + "a.service").has_value());
}

BOOST_AUTO_TEST_CASE(the_start_time_survives_any_process_name) {
    const string tail = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 424242 20 21\n";
    for (const char* name : {"(sh)", "(a b)", "(a) S 9 9 9 9 (b)", "())", "(\n)", "()"})
        BOOST_TEST(proc::parse_start_time(string("4711 ") + name + tail).value_or(0) == 424242U,
                   name);
    for (const string& text :
         {string(), string("4711"), string("4711 (sh) S 1 2"), "4711 (sh" + tail})
        BOOST_TEST(!proc::parse_start_time(text).has_value(), text);
    const string letters = "4711 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4x 20";
    BOOST_TEST(!proc::parse_start_time(letters).has_value());
    BOOST_TEST(proc::start_time(::getpid()).value_or(0) > 0U);
    BOOST_TEST(!proc::start_time(0).has_value());
}

BOOST_AUTO_TEST_CASE(the_effective_uid_is_the_second) {
    BOOST_TEST(proc::parse_effective_uid("Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\n").value_or(0) ==
               2U);
    BOOST_TEST(proc::effective_uid(::getpid()).value_or(1'000'000) == ::geteuid());
    for (const char* text : {"", "Name:\tUid:\t1\t2", "Uid:\t1\n", "Uid:\t1\tx\t3\n"})
        BOOST_TEST(!proc::parse_effective_uid(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(only_the_unified_hierarchy_counts) {
    BOOST_TEST(proc::parse_cgroup("0::/system.slice/x.service\n").value_or("") ==
               "/system.slice/x.service");
    BOOST_TEST(
        proc::parse_cgroup("9:name=systemd:/a.service\n1:cpu:/\n0::/b.service\n").value_or("") ==
        "/b.service");
    BOOST_TEST(proc::parse_cgroup("0::/a b/c\n").value_or("") == "/a b/c");
    for (const char* text : {"", "1:name=systemd:/system.slice/x.service\n", "0::\n", "0::x\n",
                             "10::/x\n", "0::/x.service (deleted)\n"})
        BOOST_TEST(!proc::parse_cgroup(text).has_value(), text);
}
