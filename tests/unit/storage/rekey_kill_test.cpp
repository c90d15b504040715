// kill -9 at each system call of a change of the master key: a child changes the key of a store,
// its parent stops it by ptrace(2) at its K-th call, for each K (each sixth under a sanitizer), and
// looks at what is left: it opens, every grant is there, and the change comes to its end (or had
// not begun).
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "fixture.hpp"
#include "storage/ledger.hpp"

using namespace tb;
using namespace tb::storage;
using namespace tb::storage::test;

namespace {

constexpr int accounts_count = 70;  // more than one turn
constexpr int turns_max = 1'000;

std::string refresh_of(AccountId id) {
    return "rt_test_" + std::to_string(id);
}

// A kill takes nothing back that was written, so a disk that forgets at a power cut is as good.
std::string fast_disk() {
    const char* memory = "/dev/shm";
    return access(memory, W_OK) == 0 ? memory : std::filesystem::temp_directory_path().string();
}

SqliteOptions at(const std::string& folder) {
    SqliteOptions options;
    options.state_dir = folder;
    return options;
}

bool changed(Ledger& ledger) {
    for (int i = 0; i < turns_max && ledger.keys().changing; ++i)
        ledger.tidy();
    return !ledger.keys().changing;
}

// The child: one thread, no brain. Tells when it begins by a stop of its own.
[[noreturn]] void change_key(const std::string& folder) {
    SystemRandom random;
    MemoryLog log;
    auto ledger = Ledger::open(at(folder), random, log);
    if (!ledger || !(*ledger)->load([](AccountRecord) {})) _exit(1);
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(2);
    raise(SIGSTOP);
    if (!(*ledger)->begin_rekey()) _exit(3);
    if (!changed(**ledger)) _exit(4);
    _exit(0);
}

// How many system calls there were until the end, or until the kill at number `kill_at`.
int run_child(const std::string& folder, int kill_at) {
    const pid_t pid = fork();
    BOOST_REQUIRE(pid >= 0);
    if (pid == 0) change_key(folder);
    int status = 0;
    int calls = 0;
    bool entering = false;
    for (;;) {  // until the child ends; each turn is one stop of it
        BOOST_REQUIRE(waitpid(pid, &status, 0) == pid);
        if (!WIFSTOPPED(status)) break;
        if (WSTOPSIG(status) == SIGTRAP) {
            entering = !entering;
            if (entering && ++calls == kill_at) {
                kill(pid, SIGKILL);
                BOOST_REQUIRE(waitpid(pid, &status, 0) == pid);
                break;
            }
        }
        BOOST_REQUIRE(ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr) == 0);
    }
    if (kill_at == 0) BOOST_REQUIRE_MESSAGE(WIFEXITED(status) && WEXITSTATUS(status) == 0, status);
    return calls;
}

struct Killed : World {
    std::string old_key_id;
    Killed() {
        start();
        for (AccountId id = 1; id <= accounts_count; ++id)
            BOOST_REQUIRE(add("shop/" + std::to_string(id), refresh_of(id)) == id);
        SetState refuse = set_state(1, 1, GrantState::login_required, "refused");
        refuse.retire_grant = true;
        must(refuse);
        must(SetClientSecret{"shop", "client_secret", Secret("cs_test_1")});
        old_key_id = store->keys().id;
        stop();
    }
    // Into a folder that is empty.
    void copy_to(const Folder& other) {
        for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
            if (entry.path().filename() != "ballast")
                std::filesystem::copy(entry.path(), other.path() + "/");
    }
    // Opens, has everything, comes to the end. What it says of the key after the kill.
    std::string look(const std::string& path) {
        MemoryLog lines;
        auto ledger = Ledger::open(at(path), random, lines);
        BOOST_REQUIRE_MESSAGE(ledger, (ledger ? "" : ledger.error().message));
        int seen = 0;
        const auto loaded = (*ledger)->load([&seen](AccountRecord) { ++seen; });
        BOOST_REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().message));
        BOOST_TEST(seen == accounts_count);
        const bool going_on = (*ledger)->keys().changing;
        BOOST_TEST(changed(**ledger));
        for (AccountId id = 1; id <= accounts_count; ++id) {
            const auto kept = (*ledger)->open_grant(id);
            BOOST_REQUIRE(kept);
            BOOST_TEST(text(*kept) == refresh_of(id));
        }
        const auto secrets = (*ledger)->open_client_secrets("shop");
        BOOST_REQUIRE(secrets);
        BOOST_TEST(secrets->find("client_secret")->view() == "cs_test_1");
        const std::string id = (*ledger)->keys().id;
        (*ledger)->close();
        if (id == old_key_id) return "not begun";
        BOOST_TEST(!std::filesystem::exists(path + "/master.key.new"));
        return going_on ? "went on" : "done";
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_change_of_the_key_survives_a_kill_at_each_system_call, Killed) {
    int total = 0;
    {
        Folder whole(fast_disk());
        copy_to(whole);
        total = run_child(whole.path(), 0);
        BOOST_TEST(look(whole.path()) == "done");
    }
    // Fewer would mean that something is no longer synced, or that this sees only a part of them.
    BOOST_TEST(total >= 60);
    std::map<std::string, int> seen;
    for (int k = 1; k <= total; k += fewer(1, 6)) {
        Folder left(fast_disk());
        copy_to(left);
        const int calls = run_child(left.path(), k);
        BOOST_TEST(calls <= k);
        BOOST_TEST_CONTEXT("killed at system call " << k << " of " << total) {
            ++seen[look(left.path())];
        }
    }
    for (const auto& [what, times] : seen)
        BOOST_TEST_MESSAGE(what << ": " << times << " of " << total);
    BOOST_TEST(seen["not begun"] > 0);
    BOOST_TEST(seen["went on"] > 0);
}
