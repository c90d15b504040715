// The dynamic linker finds these two in the executable before the C library's, for SQLite too.
#include "faults.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>

namespace {
std::atomic<std::uint64_t> failing{0};
std::atomic<int> failed{0};

bool fails_now() {
    const std::uint64_t pattern = failing;
    if (pattern == 0) return false;
    if (pattern != tb::storage::test::all_syncs) failing = pattern >> 1;
    if ((pattern & 1) == 0) return false;
    ++failed;
    errno = EIO;
    return true;
}
}  // namespace

extern "C" int fsync(int fd) {
    return fails_now() ? -1 : static_cast<int>(syscall(SYS_fsync, fd));
}
extern "C" int fdatasync(int fd) {
    return fails_now() ? -1 : static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace tb::storage::test {

void fail_syncs(std::uint64_t pattern) {
    failed = 0;
    failing = pattern;
}
int syncs_failed() {
    return failed;
}

SmallDisk::SmallDisk() {
    std::string name = std::filesystem::temp_directory_path().string() + "/tb-disk-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) return;
    path_ = name;
    if (unshare(CLONE_NEWNS) != 0) return;
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
    there_ = mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=16m") == 0;
}

SmallDisk::~SmallDisk() {
    if (there_) umount2(path_.c_str(), MNT_DETACH);
    std::filesystem::remove(path_);
}

void SmallDisk::fill() {
    const int fd = open((path_ + "/filler").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const std::string block(4096, 'f');
    while (write(fd, block.data(), block.size()) > 0) {  // ends: the disk has 16 MiB
    }
    close(fd);
}

void SmallDisk::empty() {
    std::filesystem::remove(path_ + "/filler");
}

}  // namespace tb::storage::test
