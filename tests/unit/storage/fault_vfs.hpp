// A VFS between SQLite and the system's own: counts every step that touches a file, lets chosen
// ones fail as disks do, and keeps a DiskModel. While one lives, every connection that is opened
// goes through it (it is SQLite's default), so the store under test is opened as it always is.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <mutex>
#include <string>

#include "disk_model.hpp"

namespace tb::storage::test {

enum class Step { open, read, write, truncate, sync, remove, map };

enum class Fault {
    io_error,    // any step: nothing is done; a failed sync takes what it should have written along
    no_room,     // writes: the first half is there; mapping shared memory
    short_read,  // reads: the second half is zeros
    torn_write,  // writes: a mix of old and new sectors, and an I/O error
};
const char* name_of(Fault fault);

class FaultVfs {
  public:
    FaultVfs();
    ~FaultVfs();
    FaultVfs(const FaultVfs&) = delete;
    FaultVfs& operator=(const FaultVfs&) = delete;

    int steps() const { return steps_; }
    void restart_counting() { steps_ = 0; }
    // The step `k` from now (1 is the next) fails, and the `more` that the fault can strike after
    // it.
    void fail(Fault fault, int k, int more);
    void heal() { armed_ = false; }
    int failed() const { return failed_; }
    // Before each step. For power cuts in between.
    std::function<void(int step)> before_step;
    DiskModel& disk() { return disk_; }
    // Files that are there from before, opened or not.
    void know(const std::map<std::string, std::string>& files, const std::string& folder) {
        for (const auto& [name, bytes] : files)
            disk_.opened(folder + "/" + name, true);
    }

    // Called by the files.
    bool strikes(Step step, Fault& with);
    sqlite3_vfs* real() { return real_; }
    std::mt19937& choose() { return choose_; }

  private:
    sqlite3_vfs shim_{};
    sqlite3_vfs* real_ = nullptr;
    DiskModel disk_;
    std::mt19937 choose_{1};
    int steps_ = 0;
    bool armed_ = false;
    Fault fault_{};
    int at_ = 0;
    int left_ = 0;
    int failed_ = 0;
};

}  // namespace tb::storage::test
