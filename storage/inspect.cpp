// See inspect.hpp. The file is opened by SQLite alone: closing a descriptor of our own would drop
// the locks that this process holds on it.
#include "storage/inspect.hpp"

#include <fmt/core.h>
#include <sqlite3.h>

#include <memory>

#include "storage/key_file.hpp"
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

void inspect_key(sqlite3* database, const std::string& state_dir,
                 const std::string& credentials_dir, StoreReport& report) {
    const auto key = find_master_key(state_dir, credentials_dir);
    report.key_known = true;
    if (!key) {
        report.key_trouble = key.error().message;
        return;
    }
    const Query query = prepare(database, "SELECT key_id FROM keyring WHERE id = 1");
    if (!query || sqlite3_step(query.get()) != SQLITE_ROW) {
        report.key_known = false;
        report.key_trouble = "the store could not be asked which key it was sealed with";
        return;
    }
    if (!*key) {
        report.key_trouble = fmt::format(
            "the master key is missing: neither {}/master.key nor the "
            "credential master-key is there",
            state_dir);
        return;
    }
    const Sealer sealer(**key);
    if (bytes(query.get(), 0) != sealer.key_id())
        report.key_trouble =
            fmt::format("{} is not the key that the store was sealed with", (*key)->path);
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
