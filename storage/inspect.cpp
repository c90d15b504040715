// See inspect.hpp. The file is opened by SQLite alone: closing a descriptor of our own would drop
// the locks that this process holds on it.
#include "storage/inspect.hpp"

#include <fmt/core.h>
#include <sqlite3.h>

#include <memory>
#include <utility>
#include <vector>

#include "storage/key_file.hpp"
#include "storage/keyring.hpp"
#include "storage/seal.hpp"

namespace tb::storage {
namespace {

using Handle = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;
using Query = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

Query prepare(sqlite3* database, const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) != SQLITE_OK)
        statement = nullptr;
    return {statement, &sqlite3_finalize};
}

std::string bytes(sqlite3_stmt* statement, int column) {
    const void* at = sqlite3_column_blob(statement, column);
    const int size = sqlite3_column_bytes(statement, column);
    return at == nullptr
               ? std::string()
               : std::string(static_cast<const char*>(at), static_cast<std::size_t>(size));
}

struct KeyRow {
    std::string id;
    std::string check;
    bool operator==(const KeyRow&) const = default;
};

// The current key and, while it is being changed, the one before. Empty: it could not be asked.
std::vector<KeyRow> keyring_rows(sqlite3* database) {
    const Query query = prepare(database, "SELECT key_id, check_sealed FROM keyring ORDER BY id");
    std::vector<KeyRow> rows;
    while (query && sqlite3_step(query.get()) == SQLITE_ROW)
        rows.push_back({bytes(query.get(), 0), bytes(query.get(), 1)});
    return rows;
}

// Looks where the daemon does at its start: while the key is changed, and until it can rename it,
// the one in use is not the one that is found first.
void judge_keys(const std::vector<KeyRow>& rows, const std::string& state_dir,
                const std::string& credentials_dir, StoreReport& report) {
    const FoundKeys found = find_keys(state_dir, credentials_dir);
    const MasterKey* key = found.with_id(rows.front().id);
    report.key_trouble.clear();
    report.key_path = key == nullptr ? std::string() : key->path;
    if (key == nullptr && found.trouble) {
        report.key_trouble = found.trouble->message;
    } else if (found.keys.empty()) {
        report.key_trouble = fmt::format(
            "the master key is missing: neither {}/master.key nor the "
            "credential master-key is there",
            state_dir);
    } else if (key == nullptr) {
        report.key_trouble = fmt::format("{} is not the key that the store was sealed with",
                                         found.keys.front().path);
    } else if (rows.size() > 1 && found.with_id(rows[1].id) == nullptr) {
        Sealer current(*key);
        if (is_done_mark(current, rows[1].check)) return;
        report.key_trouble = found.trouble
                                 ? found.trouble->message
                                 : fmt::format(
                                       "the master key was being changed to {} and some of the "
                                       "store is still sealed with the one before (id {}), which "
                                       "is missing",
                                       key->path, hex_of(rows[1].id));
    }
}

// A change of the key that goes on meanwhile may take a file away between the look at the database
// and the look at the files: only what both sides of it agree on is told.
void inspect_key(sqlite3* database, const std::string& state_dir,
                 const std::string& credentials_dir, StoreReport& report) {
    std::vector<KeyRow> rows = keyring_rows(database);
    for (int looks = 0; !rows.empty() && looks < 5; ++looks) {
        judge_keys(rows, state_dir, credentials_dir, report);
        report.key_known = true;
        if (report.key_trouble.empty()) return;
        std::vector<KeyRow> now = keyring_rows(database);
        if (now == rows) return;
        rows = std::move(now);
    }
    report.key_known = false;
    report.key_trouble = "the store could not be asked which key it was sealed with";
}

}  // namespace

StoreReport inspect_store(const std::string& state_dir, const std::string& credentials_dir) {
    StoreReport report;
    sqlite3* opened = nullptr;
    const std::string path = state_dir + "/tokenbroker.db";
    const int code =
        sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    const Handle database(opened, &sqlite3_close);
    if (code != SQLITE_OK) {
        report.integrity = fmt::format("{} can't be opened: {}", path, sqlite3_errmsg(opened));
        return report;
    }
    sqlite3_busy_timeout(opened, 2'000);
    const Query query = prepare(opened, "PRAGMA quick_check(3)");
    int step = query ? sqlite3_step(query.get()) : SQLITE_ERROR;
    for (; step == SQLITE_ROW; step = sqlite3_step(query.get())) {
        if (!report.integrity.empty()) report.integrity += "; ";
        report.integrity += bytes(query.get(), 0);
    }
    const int error = sqlite3_errcode(opened) & 0xff;
    if (step != SQLITE_DONE) {
        report.integrity = fmt::format("{}: {}", path, sqlite3_errmsg(opened));
        report.integrity_known = error == SQLITE_CORRUPT || error == SQLITE_NOTADB;
        return report;
    }
    report.integrity_known = true;
    if (report.integrity != "ok") report.integrity = path + ": " + report.integrity;
    inspect_key(opened, state_dir, credentials_dir, report);
    return report;
}

}  // namespace tb::storage
