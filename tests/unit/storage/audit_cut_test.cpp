// The audit after a power cut, and after damage: it never keeps the daemon from starting, what was
// synced is there, what is there was written, and a file that is no audit any more is set aside
// with a word, once, whatever part of it went bad.
#include <random>
#include <set>

#include "act.hpp"
#include "fault_vfs.hpp"
#include "storage/audit_database.hpp"
#include "storage/audit_store.hpp"

namespace tb::storage::test {
namespace {

constexpr std::size_t rows_max = 200;  // small, so that rows are dropped by the index too

AuditRow row(std::size_t number) {
    AuditRow out;
    out.kind = AuditKind::refusal;
    out.wall = wall_from_ms(1'700'000'000'000);
    out.boot = boot_from_ms(5'000);
    out.uid = static_cast<std::uint32_t>(number % 3);
    out.verdict = "refused";
    out.account = fmt::format("shop/n{}", number);
    out.detail = std::string(100, 'd');
    return out;
}

std::vector<AuditRow> rows_from(std::size_t first, std::size_t count) {
    std::vector<AuditRow> out;
    for (std::size_t i = 0; i < count; ++i)
        out.push_back(row(first + i));
    return out;
}

// An audit as the daemon opens it.
class Started {
  public:
    explicit Started(const std::string& folder) {
        AuditOptions options;
        options.path = folder + "/audit.db";
        options.rows_max = rows_max;
        options.room_bytes_min = 1;
        store = open_audit_store(brain_.get_executor(), options, log);
    }
    ~Started() {
        store.reset();
        run();
    }
    std::vector<std::string> accounts() {
        AuditQuery all;
        all.rows_max = 10 * rows_max;
        auto answer = std::make_shared<std::optional<Result<AuditPage>>>();
        spawn(brain_.get_executor(), "test", into(answer, store->read(all)));
        while (!answer->has_value())
            run();
        const Result<AuditPage>& page = **answer;
        BOOST_REQUIRE_MESSAGE(page, (page ? "" : page.error().message));
        std::vector<std::string> out;
        for (const AuditRow& found : page->rows)
            out.push_back(found.account);
        return out;
    }
    void close() {
        auto done = std::make_shared<bool>(false);
        spawn(brain_.get_executor(), "close", ended(done, store->close()));
        while (!*done)
            run();
    }
    MemoryLog log;
    std::unique_ptr<AuditStore> store;

  private:
    void run() {
        brain_.restart();
        brain_.run_for(std::chrono::milliseconds(2));
    }
    asio::io_context brain_{1};
};

struct Cut {
    Files files;
    int step = 0;
    std::size_t synced = 0;   // rows that a power cut must not take
    std::size_t written = 0;  // rows that there may be, the batch under way among them
};

void cut(FaultVfs& vfs, Cut at, std::set<std::size_t>& seen, std::vector<Cut>& all) {
    const FileModel::Cut kinds[] = {FileModel::Cut::nothing_more, FileModel::Cut::everything,
                                    FileModel::Cut::random, FileModel::Cut::random,
                                    FileModel::Cut::random};
    for (const FileModel::Cut kind : kinds) {
        at.files.clear();
        std::string whole = fmt::format("{} {}", at.synced, at.written);
        for (auto& [path, bytes] : vfs.disk().after_cut(kind, vfs.choose())) {
            whole += path + bytes;
            at.files[path.substr(path.rfind('/') + 1)] = std::move(bytes);
        }
        if (seen.insert(std::hash<std::string>{}(whole)).second) all.push_back(at);
    }
}

// From the first start on: batches, of which some are synced, so that the log begins anew twice.
std::vector<Cut> cuts_of_a_life(int& steps) {
    const Folder folder(quick_folder());
    FaultVfs vfs;
    Cut at;
    std::set<std::size_t> seen;
    std::vector<Cut> all;
    vfs.before_step = [&](int step) {
        at.step = step;
        cut(vfs, at, seen, all);
    };
    auto audit = AuditDatabase::open(folder / "audit.db", rows_max);
    BOOST_REQUIRE(audit);
    for (int batch = 1; batch <= 6; ++batch) {
        at.written += 5;
        BOOST_REQUIRE((*audit)->append(rows_from(at.written - 5, 5)));
        if (batch % 2 != 0) continue;
        BOOST_REQUIRE((*audit)->sync());
        at.synced = at.written;
    }
    audit->reset();
    at.synced = at.written;
    cut(vfs, at, seen, all);
    steps = vfs.steps();
    vfs.before_step = nullptr;
    return all;
}

Files files_of_an_audit() {
    const Folder folder(quick_folder());
    {
        Started audit(folder.path());
        for (const AuditRow& one : rows_from(0, rows_max))
            audit.store->put(one);
        audit.close();
        BOOST_REQUIRE(audit.store->dropped() == 0U);
    }
    return {{"audit.db", slurp(folder / "audit.db")}};  // the log is gone with the last connection
}

// The daemon starts over these files: whether they were set aside. A row can be written and read.
bool starts_over(const Files& files, const std::string& what) {
    const Folder folder(quick_folder());
    put(files, folder.path());
    Started audit(folder.path());
    audit.store->put(row(9'999));
    const auto found = audit.accounts();
    BOOST_TEST((!found.empty() && found.back() == "shop/n9999"), what << ": no row is taken");
    BOOST_TEST(audit.store->dropped() == 0U, what);
    const bool aside = std::filesystem::exists(folder / "audit.db.damaged");
    BOOST_TEST(audit.log.contains("a new one is begun") == aside, what);
    BOOST_TEST(!audit.log.contains("stored accounts"), what << ": another file's advice");
    if (aside) BOOST_TEST(slurp(folder / "audit.db.damaged").size() == files.at("audit.db").size());
    return aside;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(audit_cut)

BOOST_AUTO_TEST_CASE(a_power_cut_at_any_step_leaves_an_audit) {
    int steps = 0;
    const std::vector<Cut> all = cuts_of_a_life(steps);
    std::size_t more = 0;
    for (const Cut& one : all) {
        const Folder folder(quick_folder());
        put(one.files, folder.path());
        Started audit(folder.path());
        const auto found = audit.accounts();
        const std::string what = fmt::format("cut before step {}, {} of {} rows synced", one.step,
                                             one.synced, one.written);
        BOOST_TEST(!std::filesystem::exists(folder / "audit.db.damaged"), what);
        BOOST_TEST(audit.log.lines().empty(), what);
        BOOST_TEST((found.size() >= one.synced && found.size() <= one.written),
                   what << ", found " << found.size());
        for (std::size_t i = 0; i < found.size(); ++i)
            BOOST_TEST(found[i] == row(i).account, what);
        if (found.size() > one.synced) ++more;
    }
    BOOST_TEST_MESSAGE(steps << " steps, " << all.size() << " different remains, " << more
                             << " of them with rows that were not synced");
    BOOST_TEST(all.size() > 100U);
    BOOST_TEST(more > 0U);
}

BOOST_AUTO_TEST_CASE(a_clean_stop_is_on_the_disk) {
    const Folder folder(quick_folder());
    FaultVfs vfs;
    {
        Started audit(folder.path());
        for (const AuditRow& one : rows_from(0, 30))
            audit.store->put(one);
        audit.close();
    }
    for (const auto kind : {FileModel::Cut::nothing_more, FileModel::Cut::everything}) {
        Files files;
        for (auto& [path, bytes] : vfs.disk().after_cut(kind, vfs.choose()))
            files[path.substr(path.rfind('/') + 1)] = std::move(bytes);
        const Folder after(quick_folder());
        put(files, after.path());
        Started audit(after.path());
        BOOST_TEST(audit.accounts().size() == 30U);
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_off_or_has_another_page_in_it_is_set_aside) {
    const Files whole = files_of_an_audit();
    const std::string& bytes = whole.at("audit.db");
    constexpr std::size_t page = 4096;
    BOOST_REQUIRE(bytes.size() > 10 * page);
    for (const std::size_t size : {std::size_t{99}, std::size_t{512}, page, page + 1,
                                   bytes.size() / 2, bytes.size() - page}) {
        Files cut_off = whole;
        cut_off["audit.db"].resize(size);
        BOOST_TEST(starts_over(cut_off, fmt::format("cut off at {}", size)), size);
    }
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}}) {  // as of a first start
        Files empty = whole;
        empty["audit.db"].resize(size);
        BOOST_TEST(!starts_over(empty, "empty"));
    }
    int aside = 0;
    const std::size_t pages = bytes.size() / page;
    for (std::size_t i = 0; i < pages; ++i) {
        Files torn = whole;
        torn["audit.db"].replace(i * page, page, page, 'x');
        aside += starts_over(torn, fmt::format("page {} torn", i)) ? 1 : 0;
    }
    BOOST_TEST_MESSAGE(aside << " of " << pages << " torn pages were found");
    BOOST_TEST(aside == static_cast<int>(pages));
}

// Some of it is damage that only a change meets.
BOOST_AUTO_TEST_CASE(flipped_bytes_never_stop_the_audit) {
    const Files whole = files_of_an_audit();
    std::mt19937 choose(5);
    int aside = 0;
    for (int i = 0; i < 300; ++i) {
        Files flipped = whole;
        std::string& bytes = flipped["audit.db"];
        for (int n = 0; n < 16; ++n)
            bytes[choose() % bytes.size()] = static_cast<char>(choose() % 256);
        aside += starts_over(flipped, fmt::format("flip {}", i)) ? 1 : 0;
    }
    BOOST_TEST_MESSAGE(aside << " of 300 were set aside");
    BOOST_TEST(aside > 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::storage::test
