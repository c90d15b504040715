// The real file object lies behind ours in the memory that SQLite gives. Shared memory and locks
// are the system's own: WAL mode needs them, and after a power cut SQLite builds the first anew.
#include "fault_vfs.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tb::storage::test {
namespace {

FaultVfs* current = nullptr;

struct File {
    sqlite3_file base;
    std::string* path;  // owned
    // The system's VFS syncs the folder with the first sync of a log or journal that it may make.
    bool syncs_folder;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    FileModel* model() { return current->disk().find(*path); }
};
File& as_ours(sqlite3_file* file) {
    return *reinterpret_cast<File*>(file);
}

int x_close(sqlite3_file* file) {
    File& ours = as_ours(file);
    const int code = ours.real()->pMethods->xClose(ours.real());
    delete ours.path;
    return code;
}

int x_read(sqlite3_file* file, void* into, int n, sqlite3_int64 at) {
    sqlite3_file* real = as_ours(file).real();
    Fault fault{};
    if (!current->strikes(Step::read, fault)) return real->pMethods->xRead(real, into, n, at);
    if (fault != Fault::short_read) return SQLITE_IOERR_READ;
    const int code = real->pMethods->xRead(real, into, n, at);
    if (code != SQLITE_OK) return code;
    std::memset(static_cast<char*>(into) + n / 2, 0, static_cast<std::size_t>(n - n / 2));
    return SQLITE_IOERR_SHORT_READ;
}

int write_part(File& ours, const char* bytes, int n, sqlite3_int64 at) {
    sqlite3_file* real = ours.real();
    const int code = real->pMethods->xWrite(real, bytes, n, at);
    FileModel* model = ours.model();
    if (code == SQLITE_OK && model != nullptr)
        model->write(static_cast<std::size_t>(at), {bytes, static_cast<std::size_t>(n)});
    return code;
}

int x_write(sqlite3_file* file, const void* from, int n, sqlite3_int64 at) {
    File& ours = as_ours(file);
    sqlite3_int64 size = 0;
    FileModel* model = ours.model();
    if (model != nullptr && ours.real()->pMethods->xFileSize(ours.real(), &size) == SQLITE_OK &&
        static_cast<std::size_t>(size) > model->size())
        model->extended(static_cast<std::size_t>(size));
    const char* bytes = static_cast<const char*>(from);
    Fault fault{};
    if (!current->strikes(Step::write, fault)) return write_part(ours, bytes, n, at);
    if (fault == Fault::no_room) {
        (void)write_part(ours, bytes, n / 2, at);
        return SQLITE_FULL;
    }
    constexpr int sector = 512;
    if (fault == Fault::torn_write)
        for (int done = 0; done < n; done += sector)
            if (current->choose()() % 2 == 0)
                (void)write_part(ours, bytes + done, std::min(sector, n - done), at + done);
    return SQLITE_IOERR_WRITE;
}

int x_truncate(sqlite3_file* file, sqlite3_int64 size) {
    File& ours = as_ours(file);
    Fault fault{};
    if (current->strikes(Step::truncate, fault)) return SQLITE_IOERR_TRUNCATE;
    const int code = ours.real()->pMethods->xTruncate(ours.real(), size);
    FileModel* model = ours.model();
    if (code == SQLITE_OK && model != nullptr) model->truncate(static_cast<std::size_t>(size));
    return code;
}

int x_sync(sqlite3_file* file, int flags) {
    File& ours = as_ours(file);
    FileModel* model = ours.model();
    Fault fault{};
    if (current->strikes(Step::sync, fault)) {
        if (model != nullptr) model->sync_failed();
        return SQLITE_IOERR_FSYNC;
    }
    const int code = ours.real()->pMethods->xSync(ours.real(), flags);
    if (code != SQLITE_OK || model == nullptr) return code;
    model->synced();
    if (std::exchange(ours.syncs_folder, false)) current->disk().folder_synced();
    return code;
}

// What is only passed on.
template <auto member, class... Arguments>
int pass(sqlite3_file* file, Arguments... arguments) {
    sqlite3_file* real = as_ours(file).real();
    return (real->pMethods->*member)(real, arguments...);
}
void x_shm_barrier(sqlite3_file* file) {
    sqlite3_file* real = as_ours(file).real();
    real->pMethods->xShmBarrier(real);
}
int x_shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** into) {
    sqlite3_file* real = as_ours(file).real();
    Fault fault{};
    if (!current->strikes(Step::map, fault))
        return real->pMethods->xShmMap(real, page, size, extend, into);
    *into = nullptr;
    return fault == Fault::no_room ? SQLITE_IOERR_SHMSIZE : SQLITE_IOERR_SHMMAP;
}
int x_fetch(sqlite3_file*, sqlite3_int64, int, void** into) {
    *into = nullptr;  // no mapped files: every read is a step
    return SQLITE_OK;
}
int x_unfetch(sqlite3_file*, sqlite3_int64, void*) {
    return SQLITE_OK;
}

using M = sqlite3_io_methods;
const M methods = {.iVersion = 3,
                   .xClose = x_close,
                   .xRead = x_read,
                   .xWrite = x_write,
                   .xTruncate = x_truncate,
                   .xSync = x_sync,
                   .xFileSize = pass<&M::xFileSize, sqlite3_int64*>,
                   .xLock = pass<&M::xLock, int>,
                   .xUnlock = pass<&M::xUnlock, int>,
                   .xCheckReservedLock = pass<&M::xCheckReservedLock, int*>,
                   .xFileControl = pass<&M::xFileControl, int, void*>,
                   .xSectorSize = pass<&M::xSectorSize>,
                   .xDeviceCharacteristics = pass<&M::xDeviceCharacteristics>,
                   .xShmMap = x_shm_map,
                   .xShmLock = pass<&M::xShmLock, int, int, int>,
                   .xShmBarrier = x_shm_barrier,
                   .xShmUnmap = pass<&M::xShmUnmap, int>,
                   .xFetch = x_fetch,
                   .xUnfetch = x_unfetch};

int x_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    File& ours = as_ours(file);
    ours.base.pMethods = nullptr;
    Fault fault{};
    if (current->strikes(Step::open, fault))
        return fault == Fault::no_room ? SQLITE_FULL : SQLITE_CANTOPEN;
    sqlite3_vfs* real = current->real();
    const bool was_there = name != nullptr && access(name, F_OK) == 0;
    const int code = real->xOpen(real, name, ours.real(), flags, out);
    if (code != SQLITE_OK) return code;
    ours.path = new std::string(name == nullptr ? "" : name);
    ours.syncs_folder = (flags & SQLITE_OPEN_CREATE) != 0 &&
                        (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    if (name != nullptr) current->disk().opened(name, was_there);
    ours.base.pMethods = &methods;
    return code;
}

int x_delete(sqlite3_vfs*, const char* name, int sync_folder) {
    Fault fault{};
    if (current->strikes(Step::remove, fault)) return SQLITE_IOERR_DELETE;
    sqlite3_vfs* real = current->real();
    const int code = real->xDelete(real, name, sync_folder);
    if (code == SQLITE_OK) current->disk().removed(name, sync_folder != 0);
    return code;
}

bool can_strike(Fault fault, Step step) {
    if (fault == Fault::short_read) return step == Step::read;
    if (fault == Fault::torn_write) return step == Step::write;
    if (fault == Fault::no_room)
        return step == Step::write || step == Step::map || step == Step::open;
    return true;
}

}  // namespace

const char* name_of(Fault fault) {
    constexpr const char* names[] = {"I/O error", "no room", "short read", "torn write"};
    return names[static_cast<int>(fault)];
}

FaultVfs::FaultVfs() {
    current = this;
    real_ = sqlite3_vfs_find("unix");
    shim_ = *real_;  // what is not about files is the system's
    shim_.zName = "tb-fault";
    shim_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    shim_.xOpen = x_open;
    shim_.xDelete = x_delete;
    sqlite3_vfs_register(&shim_, 1);
}

FaultVfs::~FaultVfs() {
    sqlite3_vfs_unregister(&shim_);
    sqlite3_vfs_register(real_, 1);
    current = nullptr;
}

void FaultVfs::fail(Fault fault, int k, int more) {
    steps_ = failed_ = 0;
    fault_ = fault;
    at_ = k;
    left_ = more + 1;
    armed_ = true;
}

bool FaultVfs::strikes(Step step, Fault& with) {
    ++steps_;
    if (before_step) before_step(steps_);
    if (!armed_ || steps_ < at_) return false;
    if (steps_ == at_ && !can_strike(fault_, step)) armed_ = false;
    if (!armed_ || left_ == 0 || !can_strike(fault_, step)) return false;
    --left_;
    ++failed_;
    with = fault_;
    return true;
}

}  // namespace tb::storage::test
