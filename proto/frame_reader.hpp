// Cuts a byte stream into frames at NUL bytes. Holds at most limits::frame_bytes_max of an
// unfinished frame.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tb::proto {

class FrameReader {
  public:
    // Room to read into; grows only when half a frame already fills it.
    std::span<char> space();
    // `n` bytes were read into space(). False: the unfinished frame is larger than the limit; close
    // the connection.
    bool feed(std::size_t n);
    // The next whole frame without its NUL, valid until the next space(). An empty frame is
    // returned as such.
    std::optional<std::string_view> next();
    bool empty() const { return begin_ == end_; }  // no unfinished bytes

  private:
    std::vector<char> buffer_;
    std::size_t begin_ = 0;    // of the first unread byte
    std::size_t scanned_ = 0;  // no NUL before this
    std::size_t end_ = 0;      // of what was read
};

}  // namespace tb::proto
