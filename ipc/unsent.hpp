// Bytes that the socket didn't take yet: a queue in one block, wiped wherever it was, since replies
// hold tokens. Empty, it holds no memory.
#pragma once

#include <string_view>
#include <vector>

#include "proto/frame_reader.hpp"

namespace tb::ipc {

class Unsent {
  public:
    bool empty() const { return sent_ == bytes_.size(); }
    std::size_t size() const { return bytes_.size() - sent_; }
    std::size_t memory() const { return bytes_.capacity(); }
    std::string_view view() const { return {bytes_.data() + sent_, size()}; }
    void append(std::string_view more) {
        // What was sent goes first when it is the larger part: growth stays amortised.
        if (sent_ > bytes_.size() / 2) {
            bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(sent_));
            sent_ = 0;
        }
        bytes_.insert(bytes_.end(), more.begin(), more.end());
    }
    void take(std::size_t n) {
        sent_ += n;
        if (empty()) clear();
    }
    void clear() {
        Bytes().swap(bytes_);  // `= {}` would keep the memory
        sent_ = 0;
    }

  private:
    using Bytes = std::vector<char, proto::WipingAllocator<char>>;
    Bytes bytes_;
    std::size_t sent_ = 0;
};

}  // namespace tb::ipc
