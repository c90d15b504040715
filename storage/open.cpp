// Opening, in the order that keeps what is there safe: the raw header, then SQLite without the
// right to write at closing, then its own checks, and only then migrations. Whatever looks wrong is
// refused with what to do about it; nothing is repaired, emptied or made anew. The raw look must
// come before SQLite has the file open: closing any descriptor drops this process's locks on it.
#include "storage/open.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "storage/files.hpp"
#include "storage/schema.hpp"

namespace tb::storage {
namespace {

constexpr std::size_t header_bytes = 100;
constexpr std::string_view magic("SQLite format 3\0", 16);
constexpr std::size_t log_bytes_usual = 32 + 1'000 * (24 + 4096);  // when it is copied (ledger.cpp)

std::uint32_t big_endian(const char* at) {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i)
        value = value << 8 | static_cast<unsigned char>(at[i]);
    return value;
}

Error too_new(const std::string& path, std::int64_t version) {
    return Error{errc::too_new,
                 fmt::format("{} was written by a newer version of token broker (its tables have "
                             "version {}, this one knows {}); install that version again. It was "
                             "not changed",
                             path, version, schema_steps().size())};
}

Error foreign(const std::string& path) {
    return Error{errc::damaged,
                 fmt::format("{} is not a token broker database; move it away, or use another "
                             "state folder. It was not changed",
                             path)};
}

// An empty database with a log beside it has lost its pages: SQLite would throw the log away.
Result<void> refuse_orphaned_log(const std::string& path) {
    struct stat info{};
    if (::stat((path + "-wal").c_str(), &info) != 0 || info.st_size == 0) return {};
    return damaged_database(
        path, "it is empty or gone while its log " + path + "-wal still holds changes");
}

Result<void> create(const std::string& state_dir, const std::string& path) {
    if (auto fine = refuse_orphaned_log(path); !fine) return fine.error();
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) return file_error(errc::storage, "create the database", path, errno);
    return sync_folder(state_dir);
}

Result<void> check_header(const std::string& path, std::string_view header) {
    if (header.size() < header_bytes || header.substr(0, magic.size()) != magic)
        return damaged_database(path, "it does not begin like an SQLite database");
    const std::uint32_t application = big_endian(header.data() + 68);
    const std::uint32_t version = big_endian(header.data() + 60);
    if (application != 0 && application != application_id) return foreign(path);
    if (application == application_id && version > schema_steps().size())
        return too_new(path, version);
    return {};
}

Result<void> check_pages(Database& database) {
    const std::string verdict = database.text("PRAGMA quick_check(1)");
    if (database.failure() != nullptr) return database.error();
    if (verdict != "ok") return damaged_database(database.path(), verdict);
    return {};
}

Result<void> check_as_sqlite(Database& database, Checks checks) {
    const std::string& path = database.path();
    database.run("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF");
    const auto application = database.integer("PRAGMA application_id");
    const auto version = database.integer("PRAGMA user_version");
    const auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
    if (!application || !version || !tables) return database.error();
    if (*application == 0 && *version == 0 && *tables == 0) return {};  // new, or cut off there
    if (*application != application_id || *version == 0) return foreign(path);
    if (*version > static_cast<std::int64_t>(schema_steps().size())) return too_new(path, *version);
    if (checks == Checks::quick) return {};
    // A migration changes it at once: then all checks come first.
    const bool current = *version == static_cast<std::int64_t>(schema_steps().size());
    if (checks == Checks::later && current) return {};
    return check_pages(database);
}

// EXTRA is FULL in log mode, but until a file is in that mode, it has a rollback journal: FULL does
// not sync the folder when the journal is gone, and after a power cut it is back and undoes what
// was acknowledged.
Result<void> set_up(Database& database) {
    database.run(
        "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"
        "PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
        "PRAGMA cache_size = -8192");
    if (database.failure() != nullptr) return database.error();
    return {};
}

}  // namespace

Result<void> examine_database(const std::string& state_dir, const std::string& path, Log& log) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd && errno == ENOENT) return create(state_dir, path);
    if (!fd) return file_error(errc::storage, "open the database", path, errno);
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0) return file_error(errc::storage, "look at", path, errno);
    if (!S_ISREG(info.st_mode))
        return Error{errc::config, fmt::format("the database {} is not a plain file", path)};
    if (info.st_uid != ::geteuid())
        return Error{errc::config,
                     fmt::format("the database {} belongs to uid {}, not to uid {} that this runs "
                                 "as; run: chown {} {}",
                                 path, info.st_uid, ::geteuid(), ::geteuid(), path)};
    if ((info.st_mode & 077) != 0) {
        if (::fchmod(fd.get(), 0600) != 0)
            return file_error(errc::storage, "chmod 600", path, errno);
        log.warning("{} could be reached by others (mode {:04o}); it is 0600 now", path,
                    info.st_mode & 07777U);
    }
    if (info.st_size == 0) return refuse_orphaned_log(path);
    char header[header_bytes];
    const ssize_t n = ::pread(fd.get(), header, sizeof header, 0);
    if (n < 0) return file_error(errc::storage, "read", path, errno);
    return check_header(path, {header, static_cast<std::size_t>(n)});
}

Result<std::unique_ptr<Database>> open_writer(const std::string& path, Checks checks) {
    Result<std::unique_ptr<Database>> opened = Database::open(path);
    if (!opened) return opened.error();
    Database& database = **opened;
    if (auto fine = check_as_sqlite(database, checks); !fine) return fine.error();
    if (auto set = set_up(database); !set) return set.error();
    // From here on it is ours: log mode (a no-op but for a new file), tables, and what the log
    // holds goes into the database when we close it.
    const std::string mode = database.text("PRAGMA journal_mode = WAL");
    if (database.failure() != nullptr) return database.error();
    if (mode != "wal")
        return Error{errc::storage,
                     fmt::format("{} can't be put into WAL mode (it stays in {}); use a file "
                                 "system with shared memory",
                                 path, mode)};
    if (auto migrated = migrate(database, schema_steps()); !migrated) return migrated.error();
    // After an I/O error, what a new file was put into is no log, whatever the answer was above.
    if (database.text("PRAGMA journal_mode") != "wal") {
        if (database.failure() != nullptr) return database.error();
        return Error{errc::storage, fmt::format("{} fell out of WAL mode; try again", path)};
    }
    database.checkpoint_at_close(true);
    return opened;
}

Result<void> check_whole(const std::string& path) {
    const Result<std::unique_ptr<Database>> opened = Database::open(path);
    if (!opened) return opened.error();
    (*opened)->run("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF");
    return check_pages(**opened);
}

Result<std::unique_ptr<Database>> open_checkpointer(const std::string& path) {
    Result<std::unique_ptr<Database>> opened = Database::open(path);
    if (!opened) return opened.error();
    if (auto set = set_up(**opened); !set) return set.error();
    return opened;
}

void extend_log(const std::string& path) {
    const UniqueFd fd(::open((path + "-wal").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0 || info.st_size != 0) return;
    const std::string zeros(log_bytes_usual, '\0');
    if (write_all(fd.get(), path, zeros) && ::fdatasync(fd.get()) == 0) return;
    (void)!::ftruncate(fd.get(), 0);
}

}  // namespace tb::storage
