// See audit_database.hpp; what is dropped, and when, is in audit_bound.cpp. synchronous=NORMAL: a
// commit waits for no disk, and after a power cut the file is whole, without the newest rows
// (sync() bounds how many).
#include "storage/audit_database.hpp"

#include <fcntl.h>
#include <fmt/core.h>

#include <cerrno>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "base/unique_fd.hpp"
#include "storage/files.hpp"

namespace tb::storage {
namespace {

constexpr int audit_application_id = 0x74624155;  // "tbAU"
constexpr std::string_view tables = R"sql(
CREATE TABLE audit(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL CHECK(kind BETWEEN 0 AND 3),
    wall INTEGER NOT NULL,           -- ms since the Unix epoch
    boot INTEGER NOT NULL,           -- ms since this boot, in suspend too
    uid INTEGER, gid INTEGER, pid INTEGER, generation INTEGER,
    count INTEGER NOT NULL,
    verdict TEXT NOT NULL, method TEXT NOT NULL, account TEXT NOT NULL,
    unit TEXT NOT NULL, exe TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_of ON audit(kind, uid, id);
)sql";
constexpr std::string_view columns =
    "id, kind, wall, boot, uid, gid, pid, generation, count, verdict, method, account, unit, exe, "
    "detail";
constexpr std::string_view wanted =
    "id > ?1 AND (?2 IS NULL OR wall >= ?2) AND (?3 IS NULL OR uid = ?3) AND "
    "(?4 = '' OR account = ?4) AND (?5 = 0 OR kind = 1)";
std::string short_text(const std::string& text) {
    if (text.size() <= limits::audit_text_bytes_max) return text;
    std::size_t end = limits::audit_text_bytes_max - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;  // not within a character
    return text.substr(0, end) + "...";
}

template <class T>
std::optional<T> optional_number(Cursor& cursor, int column) {
    const auto value = cursor.optional_integer(column);
    return value ? std::optional<T>(static_cast<T>(*value)) : std::nullopt;
}

AuditRow row_of(Cursor& cursor) {
    AuditRow row;
    row.id = cursor.integer(0);
    row.kind = static_cast<AuditKind>(cursor.integer(1));
    row.wall = wall_from_ms(cursor.integer(2));
    row.boot = boot_from_ms(cursor.integer(3));
    row.uid = optional_number<std::uint32_t>(cursor, 4);
    row.gid = optional_number<std::uint32_t>(cursor, 5);
    row.pid = optional_number<std::int32_t>(cursor, 6);
    row.generation = cursor.optional_integer(7);
    row.count = cursor.integer(8);
    row.verdict = cursor.bytes(9);
    row.method = cursor.bytes(10);
    row.account = cursor.bytes(11);
    row.unit = cursor.bytes(12);
    row.exe = cursor.bytes(13);
    row.detail = cursor.bytes(14);
    return row;
}

Result<void> make_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return file_error(errc::storage, "open the audit", path, errno);
    return {};
}

// What is no text of ours any more (a schema that went bad takes our statements for wrong) is
// damage too. Not in the words of the grants' database, whose loss stops the daemon.
Error failure_of(const Database& database) {
    const int primary = database.failure()->code & 0xff;
    Error error = database.error();
    if (primary == SQLITE_ERROR || primary == SQLITE_CONSTRAINT) error.code = errc::damaged;
    if (error.code == errc::damaged)
        error.message = fmt::format("{}: {}", database.path(), database.failure()->text);
    return error;
}

std::int64_t key(const std::optional<std::uint32_t>& uid) {
    return uid ? std::int64_t{*uid} : -1;
}

}  // namespace

Result<std::unique_ptr<AuditDatabase>> AuditDatabase::open(const std::string& path,
                                                           std::size_t rows_max) {
    if (const auto made = make_file(path); !made) return made.error();
    auto opened = Database::open(path);
    if (!opened) return opened.error();
    Database& database = **opened;
    database.text("PRAGMA journal_mode = WAL");
    database.run(
        "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
        "PRAGMA cell_size_check = ON; PRAGMA cache_size = -1024; PRAGMA journal_size_limit = "
        "4194304");
    database.text(fmt::format("PRAGMA max_page_count = {}", pages_max));
    sqlite3_wal_autocheckpoint(database.handle(), 1'000);  // in place of the hook that counts pages
    if (database.integer("PRAGMA application_id") == 0 &&
        database.integer("SELECT count(*) FROM sqlite_schema") == 0) {
        database.run("BEGIN IMMEDIATE");
        database.run(std::string(tables));
        database.run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = 1; COMMIT",
                                 audit_application_id));
    }
    const auto application = database.integer("PRAGMA application_id");
    const auto version = database.integer("PRAGMA user_version");
    if (database.failure() != nullptr) return failure_of(database);
    if (application != audit_application_id || version != 1)
        return Error{errc::damaged, path + " is no audit of this version"};
    const std::string verdict = database.text("PRAGMA quick_check(1)");
    if (database.failure() != nullptr) return failure_of(database);
    if (verdict != "ok") return Error{errc::damaged, fmt::format("{}: {}", path, verdict)};
    database.checkpoint_at_close(true);
    std::unique_ptr<AuditDatabase> audit(new AuditDatabase(std::move(*opened), rows_max));
    if (const auto counted = audit->count(); !counted) return counted.error();
    return audit;
}

AuditDatabase::AuditDatabase(std::unique_ptr<Database> database, std::size_t rows_max)
    : database_(std::move(database)), rows_max_(rows_max) {
    const std::string into = fmt::format(
        "INSERT INTO audit({}) VALUES(NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
        "?13, ?14)",
        columns);
    insert_ = std::make_unique<Statement>(*database_, into);
    drop_ = std::make_unique<Statement>(
        *database_,
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE kind = ?1 AND uid IS ?2 "
        "ORDER BY id LIMIT ?3)");
}

// A failed statement must not stick: the next batch tries again.
Error AuditDatabase::failed() {
    Error error = failure_of(*database_);
    database_->clear_failure();
    if (database_->in_transaction()) database_->run("ROLLBACK");
    database_->clear_failure();
    return error;
}

Result<void> AuditDatabase::count() {
    rows_ = {};
    total_ = {};
    {
        Statement statement(*database_, "SELECT kind, uid, count(*) FROM audit GROUP BY kind, uid");
        Cursor cursor = statement.with();
        while (cursor.next()) {
            const auto kind = static_cast<std::size_t>(cursor.integer(0));
            rows_[kind][cursor.optional_integer(1).value_or(-1)] = cursor.integer(2);
            total_[kind] += cursor.integer(2);
        }
    }
    if (database_->failure() != nullptr) return failed();
    return {};
}

Result<void> AuditDatabase::insert(std::span<const AuditRow> rows) {
    full_ = false;
    database_->run("BEGIN IMMEDIATE");
    for (const AuditRow& row : rows) {
        const std::string unit = short_text(row.unit);
        const std::string exe = short_text(row.exe);
        const std::string detail = short_text(row.detail);
        const std::string account = short_text(row.account);
        const std::string method = short_text(row.method);
        insert_->run(static_cast<int>(row.kind), to_ms(row.wall), to_ms(row.boot), row.uid, row.gid,
                     row.pid, row.generation, row.count, std::string_view(row.verdict),
                     std::string_view(method), std::string_view(account), std::string_view(unit),
                     std::string_view(exe), std::string_view(detail));
        const auto kind = static_cast<std::size_t>(row.kind);
        ++rows_[kind][key(row.uid)];
        ++total_[kind];
    }
    for (int kind = 0; kind < audit_kinds; ++kind)
        trim(kind);
    database_->run("COMMIT");
    if (database_->failure() == nullptr) return {};
    const bool no_room = (database_->failure()->code & 0xff) == SQLITE_FULL;
    Error error = failed();
    (void)count();  // as it is without them
    full_ = no_room && at_its_bound();
    return error;
}

Result<AuditPage> AuditDatabase::read(const AuditQuery& query) {
    AuditPage page;
    std::optional<std::int64_t> since;
    if (query.since) since = to_ms(*query.since);
    const std::string_view account = query.account;
    std::int64_t after = query.after;
    if (query.newest > 0) {
        Statement statement(
            *database_, fmt::format("SELECT min(id) FROM (SELECT id FROM audit WHERE {} ORDER BY "
                                    "id DESC LIMIT ?6)",
                                    wanted));
        Cursor cursor =
            statement.with(after, since, query.uid, account, int{query.refused}, query.newest);
        if (cursor.next() && !cursor.is_null(0)) after = cursor.integer(0) - 1;
    }
    if (database_->failure() == nullptr) {
        Statement statement(*database_, fmt::format("SELECT {} FROM audit WHERE {} ORDER BY id "
                                                    "LIMIT ?6",
                                                    columns, wanted));
        const std::size_t most = query.rows_max + 1;  // one more tells that there are more
        Cursor cursor = statement.with(after, since, query.uid, account, int{query.refused}, most);
        while (cursor.next())
            page.rows.push_back(row_of(cursor));
    }
    if (database_->failure() != nullptr) return failed();
    page.more = page.rows.size() > query.rows_max;
    if (page.more) page.rows.pop_back();
    return page;
}

bool AuditDatabase::sync() {
    const bool done = database_->checkpoint(false);
    database_->clear_failure();
    return done;
}

}  // namespace tb::storage
