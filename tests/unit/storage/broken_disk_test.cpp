// Each step of the store's work fails, in each way that a disk has, once or for a while. What fails
// is answered as failed and asked again, as the broker does; meanwhile a grant that is handed out
// is the right one, and a power cut loses nothing that was acknowledged. In the end everything is
// there once. TB_BROKEN_STRIDE: of the steps each N-th with one fault, others with
// the next (default 8; 24 under a sanitizer); 1 tries all.
#include <algorithm>

#include "act.hpp"
#include "fault_vfs.hpp"
#include "tests/sanitizer/sanitized.hpp"

using namespace tb::storage;
using namespace tb::storage::test;

namespace {

constexpr int tries_max = 40;
constexpr int heal_after = 6;  // tries of one act; a fault that lasts is over then

struct Case {
    const Sequence& sequence;
    const Expected& expected;
    Fault fault;
    int step;
    int more;
    std::string name() const {
        return fmt::format("{}: {} at step {} and {} more", sequence.name, name_of(fault), step,
                           more);
    }
};

struct Outcome {
    bool struck = false;
    int failed_acts = 0;
    int cuts = 0;
    std::string damaged;  // what was called damaged though it is not
};

// Remembers what a power cut would leave now, to be looked at later.
void cut(FaultVfs& vfs, const std::string& folder, std::size_t done,
         std::vector<std::pair<Files, std::size_t>>& cuts) {
    Files files;
    for (auto& [path, bytes] : vfs.disk().after_cut(FileModel::Cut::random, vfs.choose()))
        files[path.substr(path.rfind('/') + 1)] = std::move(bytes);
    const std::string key = folder + "/master.key";
    if (std::filesystem::exists(key)) files["master.key"] = slurp(key);
    cuts.emplace_back(std::move(files), done);
}

bool is_state(const Expected& expected, std::size_t done, const std::string& found) {
    return found == expected.states[done] ||
           (done + 1 < expected.states.size() && found == expected.states[done + 1]);
}

void note_words(Bench& bench, Outcome& outcome) {
    for (const auto& [level, line] : bench.log.lines())
        if (line.find("is damaged") != std::string::npos) outcome.damaged = line;
}

Outcome break_and_heal(const Case& one) {
    const Folder folder(quick_folder());
    put(one.expected.start, folder.path());
    Outcome outcome;
    std::vector<std::pair<Files, std::size_t>> cuts;
    {
        FaultVfs vfs;
        vfs.know(one.expected.start, folder.path());
        Bench bench(folder.path());
        if (one.sequence.open) BOOST_REQUIRE(bench.open());
        vfs.fail(one.fault, one.step, one.more);
        std::size_t done = 0;
        for (Act& act : one.sequence.acts()) {
            int tries = 0;
            while (!act(bench)) {
                ++outcome.failed_acts;
                if (tries == 0) cut(vfs, folder.path(), done, cuts);
                if (++tries == heal_after) vfs.heal();
                BOOST_REQUIRE_MESSAGE(tries < tries_max, one.name() << ": never done again");
            }
            ++done;
        }
        outcome.struck = vfs.failed() > 0;
        vfs.heal();
        cut(vfs, folder.path(), done, cuts);
        BOOST_TEST(bench.describe() == one.expected.states.back(), one.name() << ": in use");
        note_words(bench, outcome);
        bench.close();
    }
    if (!outcome.struck) return outcome;
    Bench after(folder.path());
    BOOST_TEST(after.describe() == one.expected.states.back(), one.name() << ": after it, found\n"
                                                                          << after.describe());
    after.close();
    for (const auto& [files, done] : cuts) {
        const Folder rest(quick_folder());
        put(files, rest.path());
        Bench bench(rest.path());
        std::string held;
        for (const auto& [name, bytes] : files)
            held += fmt::format("{} of {} bytes, ", name, bytes.size());
        const std::string found = bench.describe();
        BOOST_TEST(is_state(one.expected, done, found), one.name() << ", cut with " << done
                                                                   << " acts acknowledged, left "
                                                                   << held << "found\n"
                                                                   << found << "instead of\n"
                                                                   << one.expected.states[done]);
        bench.close();
    }
    outcome.cuts = static_cast<int>(cuts.size());
    return outcome;
}

int steps_of(const Sequence& sequence, const Expected& expected) {
    const Folder folder(quick_folder());
    put(expected.start, folder.path());
    FaultVfs vfs;
    Bench bench(folder.path());
    if (sequence.open) BOOST_REQUIRE(bench.open());
    vfs.restart_counting();
    for (Act& act : sequence.acts())
        BOOST_REQUIRE(act(bench));
    const int steps = vfs.steps();
    bench.close();
    return steps;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_step_that_can_fail_fails_in_each_way) {
    const char* wish = std::getenv("TB_BROKEN_STRIDE");
    const int stride = wish == nullptr ? tb::test::fewer(8, 24) : std::max(1, std::atoi(wish));
    for (const Sequence& sequence : sequences()) {
        const Expected expected = expected_of(sequence);
        const int steps = steps_of(sequence, expected);
        int runs = 0;
        int failed = 0;
        int cuts = 0;
        int turn = 0;  // so that a stride meets every step with some fault
        for (const Fault fault :
             {Fault::io_error, Fault::no_room, Fault::short_read, Fault::torn_write})
            for (const int more : {0, 2, 1'000'000})
                for (int step = 1 + turn++ % stride; step <= steps; step += stride) {
                    const Case one{sequence, expected, fault, step, more};
                    const Outcome outcome = break_and_heal(one);
                    if (!outcome.struck) continue;
                    ++runs;
                    failed += outcome.failed_acts > 0 ? 1 : 0;
                    cuts += outcome.cuts;
                    if (fault != Fault::short_read) BOOST_TEST(outcome.damaged == "", one.name());
                }
        BOOST_TEST_MESSAGE(sequence.name << ": " << steps << " steps, " << runs
                                         << " runs with a fault, " << failed
                                         << " of them with a failed answer, " << cuts << " cuts");
        BOOST_TEST(runs >= steps / stride);
        BOOST_TEST(cuts >= runs);
    }
}
