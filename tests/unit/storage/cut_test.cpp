// The power goes at each step of the store's work. Of what was not synced any part may be there,
// sector by sector: what was acknowledged is there all the same, the change under way is there as a
// whole or not at all, and the head record verifies (a load refuses the database if it does not).
// TB_CUTS sets how many random remains of each step are tried (default 6; 1 under a sanitizer).
#include <set>

#include "act.hpp"
#include "fault_vfs.hpp"
#include "tests/sanitizer/sanitized.hpp"

using namespace tb::storage::test;

namespace {

struct Remains {
    Files files;
    int step = 0;
    std::size_t done = 0;  // acts acknowledged before
};

// The log is mostly zeros, which are no pages to SQLite: what it needs to hold what was written.
std::size_t whole_frames(const std::string& log) {
    constexpr std::size_t header = 32;
    constexpr std::size_t frame = 24 + 4096;
    const std::size_t end = log.find_last_not_of('\0');
    if (end == std::string::npos) return 0;
    if (end < header) return std::min(log.size(), header);
    return std::min(log.size(), header + (end - header + frame) / frame * frame);
}

int random_cuts() {
    const char* wish = std::getenv("TB_CUTS");
    return wish == nullptr ? tb::test::fewer(6, 1) : std::atoi(wish);
}

class Camera {
  public:
    Camera(FaultVfs& vfs, std::string folder) : vfs_(vfs), folder_(std::move(folder)) {}

    void picture(int step, std::size_t done) {
        one(FileModel::Cut::nothing_more, step, done);
        one(FileModel::Cut::everything, step, done);
        for (int i = random_cuts(); i > 0; --i)
            one(FileModel::Cut::random, step, done);
    }
    std::vector<Remains> all;

  private:
    void one(FileModel::Cut cut, int step, std::size_t done) {
        Remains remains{{}, step, done};
        for (auto& [path, bytes] : vfs_.disk().after_cut(cut, vfs_.choose())) {
            if (path.ends_with("-wal")) bytes.resize(whole_frames(bytes));
            remains.files[path.substr(path.rfind('/') + 1)] = std::move(bytes);
        }
        const std::string key = folder_ + "/master.key";
        if (std::filesystem::exists(key)) remains.files["master.key"] = slurp(key);
        std::string whole = std::to_string(done);
        for (const auto& [name, bytes] : remains.files)
            whole += name + std::to_string(bytes.size()) + ":" + bytes;
        if (seen_.insert(std::hash<std::string>{}(whole)).second) all.push_back(std::move(remains));
    }
    FaultVfs& vfs_;
    std::string folder_;
    std::set<std::size_t> seen_;
};

std::vector<Remains> run(const Sequence& sequence, const Expected& expected, int& steps) {
    const Folder folder(quick_folder());
    put(expected.start, folder.path());
    FaultVfs vfs;
    vfs.know(expected.start, folder.path());
    Camera camera(vfs, folder.path());
    Bench bench(folder.path());
    if (sequence.open) BOOST_REQUIRE(bench.open());
    std::size_t done = 0;
    vfs.restart_counting();
    vfs.before_step = [&](int step) { camera.picture(step, done); };
    for (Act& act : sequence.acts()) {
        BOOST_REQUIRE(act(bench));
        camera.picture(vfs.steps() + 1, ++done);
    }
    steps = vfs.steps();
    vfs.before_step = nullptr;
    bench.close();
    return std::move(camera.all);
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_was_acknowledged_survives_a_power_cut_at_each_step) {
    for (const Sequence& sequence : sequences()) {
        const Expected expected = expected_of(sequence);
        int steps = 0;
        const std::vector<Remains> all = run(sequence, expected, steps);
        int ahead = 0;
        for (const Remains& remains : all) {
            const Folder folder(quick_folder());
            put(remains.files, folder.path());
            Bench bench(folder.path());
            const std::string found = bench.describe();
            const bool next = remains.done + 1 < expected.states.size() &&
                              found == expected.states[remains.done + 1];
            if (found != expected.states[remains.done]) ++ahead;
            BOOST_TEST((next || found == expected.states[remains.done]),
                       sequence.name << ", cut before step " << remains.step << " with "
                                     << remains.done << " acts acknowledged: found\n"
                                     << found << "instead of\n"
                                     << expected.states[remains.done]);
            bench.close();
        }
        BOOST_TEST_MESSAGE(sequence.name << ": " << steps << " steps, " << all.size()
                                         << " different remains, " << ahead
                                         << " of them with the change under way");
        BOOST_TEST(all.size() > sequence.acts().size());
        BOOST_TEST(ahead > 0);
    }
}
