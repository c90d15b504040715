// From a state folder to an open, checked and migrated database. Its key: keyring.hpp.
#pragma once

#include <memory>
#include <string>

#include "base/log.hpp"
#include "storage/database.hpp"

namespace tb::storage {

// Looks at the file before SQLite does, and makes it if there is none: errc::damaged and
// errc::too_new leave it exactly as it was.
Result<void> examine_database(const std::string& state_dir, const std::string& path, Log& log);

// A connection for changes, with everything checked that can be (`all`), or only what tells our
// database from another (after an I/O error, for a quick way back).
// `later`: what takes time in proportion to the file is left to check_whole(), which must pass
// before anything is changed.
enum class Checks { all, later, quick };
Result<std::unique_ptr<Database>> open_writer(const std::string& path, Checks checks);
// SQLite's own check of all pages, on a connection of its own, so that it can run beside a load.
Result<void> check_whole(const std::string& path);
Result<std::unique_ptr<Database>> open_checkpointer(const std::string& path);

// Gives the log its usual length before its first page is written: a sync of a file that grows
// costs twice as much as one that is overwritten, and where the disk is full there is room already.
// Zeros are no pages to SQLite. Best effort; only an empty log is touched.
void extend_log(const std::string& path);

}  // namespace tb::storage
