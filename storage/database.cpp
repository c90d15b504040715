// The thin layer over SQLite's C interface. Only sealed values are ever bound, so SQLite's own
// buffers hold no secret. No connection here creates a file: storage/open.cpp decides that.
#include "storage/database.hpp"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/check.hpp"

namespace tb::storage {
namespace {

constexpr int busy_wait_ms = 2'000;  // somebody looks into the file with another program

void configure_sqlite_once() {
    static std::once_flag once;
    std::call_once(once, [] {
        // Savepoints keep their undo pages in memory, never in a temporary file that a full disk or
        // a sandbox refuses. Too late (MISUSE) only if somebody else started SQLite: no harm.
        (void)sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
    });
}

}  // namespace

bool SqlFailure::no_room() const {
    return (code & 0xff) == SQLITE_FULL || system_errno == ENOSPC || system_errno == EDQUOT;
}

bool SqlFailure::of_the_change() const {
    const int primary = code & 0xff;
    return primary == SQLITE_CONSTRAINT || primary == SQLITE_TOOBIG || primary == SQLITE_MISMATCH ||
           primary == SQLITE_CORRUPT;
}

bool SqlFailure::surely_undone() const {
    const int primary = code & 0xff;
    return primary == SQLITE_FULL || primary == SQLITE_BUSY;
}

bool SqlFailure::of_the_device() const {
    const int primary = code & 0xff;
    return primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY ||
           primary == SQLITE_PROTOCOL || primary == SQLITE_NOTADB || primary == SQLITE_NOMEM;
}

Cursor::~Cursor() {
    if (statement_ == nullptr) return;  // preparing it failed
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

bool Cursor::next() {
    if (database_->failure() != nullptr) return false;
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) database_->fail(code);
    return false;
}

std::optional<std::int64_t> Cursor::optional_integer(int column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

std::string_view Cursor::bytes(int column) const {
    const void* at = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return at == nullptr
               ? std::string_view()
               : std::string_view(static_cast<const char*>(at), static_cast<std::size_t>(size));
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
    if (database.failure() != nullptr) return;
    const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (code != SQLITE_OK) database.fail(code);
}

void Statement::bind(int index, std::string_view text) {
    const char* at = text.data() == nullptr ? "" : text.data();
    sqlite3_bind_text64(statement_, index, at, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind(int index, Blob blob) {
    const char* at = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
    sqlite3_bind_blob64(statement_, index, at, blob.bytes.size(), SQLITE_STATIC);
}

bool Statement::finish(Cursor&& cursor) {
    while (cursor.next()) {
    }
    return database_.failure() == nullptr;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
    configure_sqlite_once();
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &handle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                         SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
                                     nullptr);
    TB_ASSERT(handle != nullptr);  // else there was no memory for a connection
    std::unique_ptr<Database> database(new Database(path, handle));
    if (code != SQLITE_OK) {
        database->fail(code);
        return database->error();
    }
    if (sqlite3_db_readonly(handle, "main") == 1)
        return Error{
            errc::storage,
            fmt::format("{} can only be read; make the file and its file system writable", path)};
    database->checkpoint_at_close(false);
    sqlite3_busy_timeout(handle, busy_wait_ms);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_wal_hook(
        handle,
        [](void* self, sqlite3*, const char*, int pages) {
            static_cast<Database*>(self)->log_pages_ = pages;
            return SQLITE_OK;
        },
        database.get());
    return database;
}

Database::Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

Database::~Database() {
    // Statements are gone before their connection; if not, this is our bug and would leak the file.
    TB_ASSERT(sqlite3_close(handle_) == SQLITE_OK);
}

void Database::fail(int code) {
    if (failure_) return;  // the first is the cause
    const int primary = code & 0xff;
    failure_ = SqlFailure{code, 0, sqlite3_errmsg(handle_)};
    if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN)
        failure_->system_errno = sqlite3_system_errno(handle_);
}

bool Database::run(const std::string& sql) {
    if (failure_) return false;
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code);
    return !failure_;
}

std::optional<std::int64_t> Database::integer(std::string_view sql) {
    Statement statement(*this, sql);
    Cursor cursor = statement.with();
    if (!cursor.next()) return std::nullopt;
    return cursor.integer(0);
}

std::string Database::text(std::string_view sql) {
    Statement statement(*this, sql);
    Cursor cursor = statement.with();
    return cursor.next() ? std::string(cursor.bytes(0)) : std::string();
}

void Database::checkpoint_at_close(bool yes) {
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, yes ? 0 : 1, nullptr);
}

bool Database::checkpoint(bool all) {
    if (failure_) return false;
    const int code = sqlite3_wal_checkpoint_v2(
        handle_, "main", all ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, nullptr,
        nullptr);
    if (code != SQLITE_OK) fail(code);
    return !failure_;
}

Error Database::error() const {
    TB_ASSERT(failure_);
    const int primary = failure_->code & 0xff;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
        return damaged_database(path_, failure_->text);
    if (failure_->of_the_change())
        return Error{errc::invalid_parameter,
                     fmt::format("{} did not take this change: {}", path_, failure_->text)};
    std::string what = failure_->text;
    if (failure_->system_errno != 0)
        what += fmt::format(" ({})", std::strerror(failure_->system_errno));
    std::string_view advice = "it is tried again; look at the disk and the system's log";
    if (failure_->no_room()) advice = "free some disk space";
    if (primary == SQLITE_BUSY) advice = "another program holds it; close that";
    return Error{errc::storage, fmt::format("cannot use {}: {}; {}", path_, what, advice)};
}

Error damaged_database(const std::string& path, std::string_view what) {
    return Error{errc::damaged,
                 fmt::format("{} is damaged: {}. Restore a backup of it; or, to start without the "
                             "stored accounts, move it away together with {}-wal. It was not "
                             "changed",
                             path, what, path)};
}

}  // namespace tb::storage
