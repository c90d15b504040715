// Faults of the disk for this test program: fsync and fdatasync are ours (faults.cpp), and SQLite
// in its shared library calls them.
#pragma once

#include <sys/resource.h>

#include <csignal>
#include <cstdint>
#include <string>

namespace tb::storage::test {

// Of the next syncs those fail with EIO whose bit is set, the lowest first.
void fail_syncs(std::uint64_t pattern);
constexpr std::uint64_t all_syncs = ~std::uint64_t{0};  // for as long as any test asks
int syncs_failed();                                     // since fail_syncs()

// No file grows beyond `bytes` while this lives: writes fail with EFBIG.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before_);
        rlimit now = before_;
        now.rlim_cur = bytes;
        setrlimit(RLIMIT_FSIZE, &now);
    }
    ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    rlimit before_{};
};

// A file system of 16 MiB in a mount namespace of this process, where that is allowed.
class SmallDisk {
  public:
    SmallDisk();
    ~SmallDisk();
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    bool there() const { return there_; }
    const std::string& path() const { return path_; }
    void fill();   // to the last block
    void empty();  // of what fill() put there

  private:
    std::string path_;
    bool there_ = false;
};

}  // namespace tb::storage::test
