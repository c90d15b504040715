// One SQLite connection and its statements. Errors are sticky, as with a stream: after the first
// failure every step does nothing until clear_failure(), so a change is written as plain statements
// and looked at once at its end.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace tb::storage {

struct SqlFailure {
    int code = SQLITE_OK;  // extended
    int system_errno = 0;
    std::string text;

    bool no_room() const;  // disk full, quota
    // A constraint, or a page that only this change needed is damaged: the others can go on.
    bool of_the_change() const;
    // Of a COMMIT: its last page was not written, so no later opening can find it done.
    bool surely_undone() const;
    // The connection must not be used again: after a failed sync the system may have dropped what
    // it could not write and call the next one a success.
    bool of_the_device() const;
};

struct Blob {
    std::string_view bytes;
};

class Database;

// The rows of one execution; the statement is free again when it ends. Views last until next().
class Cursor {
  public:
    explicit Cursor(Database& database, sqlite3_stmt* statement)
        : database_(&database), statement_(statement) {}
    ~Cursor();
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;

    bool next();  // false: no more rows, or database.failure()
    std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    bool is_null(int column) const {
        return sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }
    std::optional<std::int64_t> optional_integer(int column) const;
    std::string_view bytes(int column) const;  // text or blob

  private:
    Database* database_;
    sqlite3_stmt* statement_;
};

class Statement {
  public:
    Statement(Database& database, std::string_view sql);
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // What is bound must live as long as the Cursor.
    template <class... Values>
    Cursor with(const Values&... values) {
        int index = 0;
        (bind(++index, values), ...);
        return Cursor(database_, statement_);
    }
    // To the end; false if it failed.
    template <class... Values>
    bool run(const Values&... values) {
        return finish(with(values...));
    }

  private:
    template <std::integral T>
    void bind(int index, T value) {
        sqlite3_bind_int64(statement_, index, static_cast<sqlite3_int64>(value));
    }
    void bind(int index, std::string_view text);
    void bind(int index, Blob blob);
    template <class T>
    void bind(int index, const std::optional<T>& value) {
        if (value)
            bind(index, *value);
        else
            sqlite3_bind_null(statement_, index);
    }
    bool finish(Cursor&& cursor);
    Database& database_;
    sqlite3_stmt* statement_ = nullptr;
};

class Database {
  public:
    // An existing file, for reading and writing; nothing is read yet, and nothing is written at
    // closing unless checkpoint_at_close(true).
    static Result<std::unique_ptr<Database>> open(const std::string& path);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    bool run(const std::string& sql);
    std::optional<std::int64_t> integer(std::string_view sql);  // the first column of the first row
    std::string text(std::string_view sql);
    void checkpoint_at_close(bool yes);

    // Copies what the log (WAL) holds into the database, as far as nobody reads; then the log
    // starts again from its beginning. `all`: waits for that, and empties the file.
    bool checkpoint(bool all);
    // Gives back what the page cache holds and nobody needs now.
    void release_memory() { sqlite3_db_release_memory(handle_); }
    // Pages in the log after the newest commit of this connection.
    int log_pages() const { return log_pages_; }

    const SqlFailure* failure() const { return failure_ ? &*failure_ : nullptr; }
    void clear_failure() { failure_.reset(); }
    void fail(int code);
    // errc::storage or errc::damaged, with the file, what the system said and what to do.
    Error error() const;
    bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
    sqlite3* handle() { return handle_; }
    const std::string& path() const { return path_; }

  private:
    Database(std::string path, sqlite3* handle);
    std::string path_;
    sqlite3* handle_;
    std::optional<SqlFailure> failure_;
    int log_pages_ = 0;
};

Error damaged_database(const std::string& path, std::string_view what);

}  // namespace tb::storage
