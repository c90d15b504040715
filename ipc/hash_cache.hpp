// Hashes of executables, by the version of the file. What must stay true: never more than
// limits::exe_hashes_kept_max of them, and the one remembered first goes first.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/limits.hpp"

namespace tb::ipc {

// One state of one file: a write or a swap changes the change time, which nobody can set.
struct FileVersion {
    dev_t device;
    ino_t inode;
    off_t size;
    std::int64_t changed_s;
    std::int64_t changed_ns;
    bool operator==(const FileVersion&) const = default;
};

// Hashing a game of 200 MiB takes a good part of a second: once per version of the file.
class HashCache {
  public:
    std::optional<std::string> find(const FileVersion& version) {
        const std::lock_guard lock(mutex_);
        for (const auto& [known, hash] : entries_)
            if (known == version) return hash;
        return std::nullopt;
    }
    void put(const FileVersion& version, std::string hash) {
        const std::lock_guard lock(mutex_);
        entries_.emplace_front(version, std::move(hash));
        if (entries_.size() > limits::exe_hashes_kept_max) entries_.pop_back();
    }

  private:
    std::mutex mutex_;
    std::deque<std::pair<FileVersion, std::string>> entries_;
};

}  // namespace tb::ipc
