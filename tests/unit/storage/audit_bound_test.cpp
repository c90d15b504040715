// The audit's bound in bytes: no row passes it alone, and a file that reached it goes on.
#include "base/limits.hpp"
#include "storage/audit_database.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace tb::storage::test {
namespace {

AuditRow wordy_row(AuditKind kind, std::size_t bytes) {
    AuditRow out;
    out.kind = kind;
    out.uid = 1;
    out.verdict = "failed";
    out.method = out.account = out.unit = out.exe = out.detail = std::string(bytes, 'x');
    return out;
}

std::unique_ptr<AuditDatabase> opened_audit(const std::string& path) {
    auto audit = AuditDatabase::open(path, limits::audit_rows_max);
    BOOST_REQUIRE(audit.has_value());
    return std::move(*audit);
}

// As a version left it that took a text of any length: not a page is free.
void fill_with_long_rows(const std::string& path) {
    auto database = Database::open(path);
    BOOST_REQUIRE(database.has_value());
    const std::string row =
        "INSERT INTO audit SELECT NULL, 2, 1, 1, 0, 0, 0, 0, 1, 'failed', hex(zeroblob({})), '', "
        "'', '', 'd'";
    (*database)->run("BEGIN");
    (*database)->text(fmt::format("PRAGMA max_page_count = {}", AuditDatabase::pages_max));
    for (const int half : {32'000, 1'000, 1}) {
        const std::string insert = fmt::format(fmt::runtime(row), half);
        while ((*database)->run(insert)) {
        }
        BOOST_REQUIRE(((*database)->failure()->code & 0xff) == SQLITE_FULL);
        (*database)->clear_failure();
    }
    (*database)->run("COMMIT");
    BOOST_REQUIRE((*database)->failure() == nullptr);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(audit_bound)

BOOST_AUTO_TEST_CASE(every_text_is_bounded) {
    const Folder folder;
    const auto audit = opened_audit(folder / "audit.db");
    const std::vector<AuditRow> rows(1, wordy_row(AuditKind::admin, 60'000));
    BOOST_REQUIRE(audit->append(rows).has_value());
    const AuditRow kept = audit->read({})->rows.at(0);
    for (const std::string* text :
         {&kept.method, &kept.account, &kept.unit, &kept.exe, &kept.detail})
        BOOST_TEST(text->size() == limits::audit_text_bytes_max);
}

// Whoever fills it loses its oldest; who holds little, nothing. Not once but as often as it is
// full again.
BOOST_AUTO_TEST_CASE(a_full_file_makes_room) {
    const Folder folder;
    const std::string path = folder / "audit.db";
    const std::vector<AuditRow> grants(3, wordy_row(AuditKind::grant, 10));
    BOOST_REQUIRE(opened_audit(path)->append(grants).has_value());
    fill_with_long_rows(path);
    const auto audit = opened_audit(path);
    constexpr std::size_t batches = 60;  // of more than 2 KB each row: more than the file holds
    for (std::size_t i = 0; i < batches; ++i) {
        const std::vector<AuditRow> rows(limits::audit_batch_max,
                                         wordy_row(AuditKind::refusal, 400));
        const auto done = audit->append(rows);
        BOOST_REQUIRE_MESSAGE(done, i << (done ? "" : ": " + done.error().message));
    }
    AuditQuery all;
    all.rows_max = 1'000'000;
    const auto page = audit->read(all);
    BOOST_REQUIRE(page->rows.size() > limits::audit_batch_max);
    for (std::size_t i = 0; i < grants.size(); ++i)
        BOOST_TEST((page->rows[i].kind == AuditKind::grant));
    BOOST_TEST(audit->sync());
    BOOST_TEST(std::filesystem::file_size(path) <= limits::audit_file_bytes_max);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tb::storage::test
