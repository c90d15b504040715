// Keeps a second daemon out of a state folder for as long as this object lives.
#pragma once

#include <string>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace tb::storage {

class LockFile {
  public:
    // errc::locked names the process that holds it.
    static Result<LockFile> take(const std::string& path);

  private:
    explicit LockFile(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace tb::storage
