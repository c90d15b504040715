// Disk room set aside for what must not fail to be stored: the successor of a grant that is being
// spent. A file that holds real blocks; when the disk is full it is given up, and a commit tried
// again finds the room.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.hpp"

namespace tb::storage {

class Ballast {
  public:
    Ballast(std::string path, std::size_t bytes);
    bool in_place() const { return in_place_; }
    // Fails if there is no room; then none of it is held.
    Result<void> reserve();
    // The room is free again when this returns.
    void release();

  private:
    std::string path_;
    std::size_t bytes_;
    bool in_place_ = false;
};

}  // namespace tb::storage
