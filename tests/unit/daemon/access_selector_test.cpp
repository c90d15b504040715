// Selectors and rules as the config writes them: each mistake with its text, and the capability
// that exe rules need.
#include "daemon/access_selector.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>

#include "config_fixture.hpp"
#include "tests/unit/daemon/selectors.hpp"

using namespace tb;
using namespace tb::daemon;
using namespace tb::daemon::testing;

BOOST_AUTO_TEST_CASE(selectors_and_their_mistakes) {
    BOOST_TEST((selector("user:root").uid == uid_t{0}));
    BOOST_TEST((selector("group:root").gid == gid_t{0}));
    BOOST_TEST(selector("unit:a.service").unit == "a.service");
    const std::string overflow =
        " 65534 stands for everybody of another user namespace and never matches; run the caller "
        "under an id of its own";
    for (const Case& one : std::vector<Case>{
             {"alice",
              "\"alice\" is no selector; write KIND:VALUE, as \"user:alice\" or \"group:games\""},
             {"usr:alice", "unknown selector \"usr\"; did you mean \"user\"?"},
             {"uid:", "uid \"\" is not usable; write a value without control characters"},
             {"uid:alice", "uid \"alice\" is no number of a uid; write uid:1000, or user:NAME"},
             {"uid:-1", "uid \"-1\" is no number of a uid; write uid:1000, or user:NAME"},
             {"uid:4294967295",
              "uid \"4294967295\" is no number of a uid; write uid:1000, or user:NAME"},
             {"gid:1x", "gid \"1x\" is no number of a gid; write gid:1000, or group:NAME"},
             {"uid:65534", "uid" + overflow},
             {"gid:65534", "gid" + overflow},
             {"user:nobody", "uid" + overflow},
             {"group:nogroup", "gid" + overflow},
             {"user:no-such-user", "unknown user \"no-such-user\"; create it, or write uid:NUMBER"},
             {"group:no-such-group",
              "unknown group \"no-such-group\"; create it, or write gid:NUMBER"},
             {"exe:/bin/sh",
              "exe only narrows who the caller is; add a uid, user, gid, group or unit to it"},
             {"exe:bin/sh", "exe \"bin/sh\" is a relative path; write an absolute one"},
             {"exe:/no/such",
              "exe \"/no/such\" can't be looked at (No such file or directory); install it first, "
              "or correct the path"},
             {"exe:/etc", "exe \"/etc\" is not a program; name an executable file"},
             {"exe:/etc/passwd", "exe \"/etc/passwd\" is not a program; name an executable file"},
             {"exe_sha256:12",
              "exe_sha256 \"12\" is no SHA-256; write the 64 hex digits of: sha256sum FILE"},
             {"unit:game", "unit \"game\" is no whole unit name; write \"game.service\""},
             {"unit:a/b.service",
              "unit \"a/b.service\" has a '/', which no unit name has; for a path write cgroup"},
             {"unit:a**.service",
              "unit \"a**.service\" has \"**\"; a '*' matches within one path component, write one "
              "'*'"},
             {"unit:a[12].service",
              "unit \"a[12].service\" has '[', which no name has; only '*' and '?' are wildcards, "
              "write one pattern for each alternative"},
             {"cgroup:system.slice",
              "cgroup \"system.slice\" does not start with '/'; write "
              "\"/system.slice/game.service\""},
         }) {
        const Result<Selector> parsed = parse_selector(one.text);
        BOOST_TEST((parsed.has_error() ? parsed.error().message : "accepted") == one.mistake);
    }
}

BOOST_AUTO_TEST_CASE(mistakes_in_rules) {
    const ConfigFolder folder;
    const std::string access = "[[access]]\naccounts = [\"*/*\"]\n";
    const std::string right = "write allow = [\"user:alice\", \"group:games\"]";
    check_all(
        folder,
        {
            {access + "allow = [{ uid = 1000 }, { gid = \"5\", unit = \"a.service\" }]", ""},
            {access, "1: access.allow is missing; " + right},
            {access + "allow = \"uid:1\"",
             "3: access.allow must be a list, not a string; " + right},
            {access + "allow = []", "3: access.allow is empty, so the rule lets nobody in; " +
                                        right + ", or leave the rule out"},
            {access + "allow = [7]", "3: access.allow holds an integer; " + right},
            {access + "allow = [\"uid:x\"]",
             "3: access.allow: uid \"x\" is no number of a uid; write uid:1000, or user:NAME"},
            {access + "allow = [{}]",
             "3: access.allow: names nobody; write one of uid, user, gid, group, unit, cgroup, "
             "exe, exe_sha256"},
            {access + "allow = [{ exe = \"/bin/sh\" }]",
             "3: access.allow: exe only narrows who the caller is; add a uid, user, gid, group or "
             "unit to it"},
            {access + "allow = [{ exe_sha256 = \"" + std::string(64, 'A') + "\" }]",
             "3: access.allow: exe only narrows who the caller is; add a uid, user, gid, group or "
             "unit to it"},
            {access + "allow = [{ uid = 1, user = \"root\" }]",
             "3: access.allow: uid and user both name the caller; keep one"},
            {access + "allow = [{ gid = 1, group = \"root\" }]",
             "3: access.allow: gid and group both name the caller's group; keep one"},
            {access + "allow = [{ unti = \"a.service\" }]",
             "3: access.allow: unknown selector \"unti\"; did you mean \"unit\"?"},
            {access + "allow = [{ uid = true }]",
             "3: access.allow: \"uid\" must be a string, not true or false"},
            {access + "allow = [{ user = 1000 }]",
             "3: access.allow: \"user\" must be a string, not an integer"},
            {access + "allow = [\"uid:1\"]\nwho = 1",
             "4: unknown key access.\"who\"; known are: accounts, allow"},
            {"[[access]]\nallow = [\"uid:1\"]",
             "1: access.accounts names no account; write accounts = [\"shop/*\"]"},
            {"[[access]]\naccounts = []\nallow = [\"uid:1\"]",
             "2: access.accounts names no account; write accounts = [\"shop/*\"]"},
            {"[[access]]\naccounts = [\"*\"]\nallow = [\"uid:1\"]",
             "2: access.accounts \"*\" can match no account; write CLIENT/NAME, as \"shop/main\" "
             "or \"shop/*\""},
            {"[[access]]\naccounts = [\"{a,b}/*\"]\nallow = [\"uid:1\"]",
             "2: access.accounts \"{a,b}/*\" has '{', which no name has; only '*' and '?' are "
             "wildcards, write one pattern for each alternative"},
        });
}

BOOST_AUTO_TEST_CASE(a_pattern_of_no_client_is_a_warning) {
    const ConfigFolder folder;
    const ConfigResult got = folder.load(
        "[clients.shop]\nprovider = \"config-test\"\nbase_url = \"x\"\n[[access]]\naccounts = "
        "[\"shpo/main\", \"shop/*\", \"s*/x\"]\nallow = [\"uid:1\"]\n");
    BOOST_TEST(got.mistakes.lines.empty());
    BOOST_TEST(folder.shown(got.mistakes.warnings) ==
               "DIR/tokenbroker.toml:4: access.accounts: \"shpo/main\" is of no [clients.shpo] "
               "section; did you mean \"shop\"?");
}

namespace {
// Takes CAP_SYS_PTRACE out of the effective set of this thread, and puts it back.
class WithoutPtrace {
  public:
    WithoutPtrace() {
        BOOST_REQUIRE(syscall(SYS_capget, &header_, before_.data()) == 0);
        auto less = before_;
        less[0].effective &= ~(1U << CAP_SYS_PTRACE);
        BOOST_REQUIRE(syscall(SYS_capset, &header_, less.data()) == 0);
    }
    ~WithoutPtrace() { syscall(SYS_capset, &header_, before_.data()); }

  private:
    __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> before_{};
};
}  // namespace

BOOST_AUTO_TEST_CASE(exe_rules_need_the_capability_in_system_mode) {
    const ConfigFolder folder;
    const std::string text =
        "[[access]]\naccounts = [\"*/*\"]\nallow = [{ uid = 1000, exe = \"/bin/sh\" }]\n";
    const WithoutPtrace without;
    BOOST_TEST(!has_ptrace_capability());
    BOOST_TEST(folder.mistakes(text, true) == "");
    BOOST_TEST(folder.mistakes(text, false) ==
               "DIR/tokenbroker.toml:3: access.allow: rules on exe need CAP_SYS_PTRACE, which this "
               "daemon lacks, so they would never match; install the drop-in exe-rules.conf into "
               "/etc/systemd/system/tokenbrokerd.service.d and restart, or leave exe out");
}
