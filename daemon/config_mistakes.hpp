// Collects what is wrong with a configuration while it is read, so that all mistakes are reported
// at once, in the order of the files and their lines. A place is "FILE:LINE" or "FILE".
#pragma once

#include <string>
#include <vector>

#include "daemon/config.hpp"

namespace tb::daemon {

class MistakeList {
  public:
    void add(std::string place, std::string text);
    void warn(std::string place, std::string text);
    // Sorted by file (in the order given), then line; equal places keep the order of finding.
    ConfigMistakes sorted(const std::vector<std::string>& files) const;

  private:
    struct Item {
        std::string place;
        std::string text;
    };
    static std::vector<std::string> lines(const std::vector<Item>& items,
                                          const std::vector<std::string>& files);
    std::vector<Item> mistakes_;
    std::vector<Item> warnings_;
};

}  // namespace tb::daemon
