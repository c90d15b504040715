// Cuts a byte stream into frames at NUL bytes. Holds at most limits::frame_bytes_max (or what it
// was told) of an unfinished frame. Its memory is wiped when a frame was read and when it is freed:
// frames on the admin socket carry grants.
#pragma once

#include <string.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/limits.hpp"

namespace tb::proto {

// Ordinary memory that is wiped when freed. Not the locked arena: thousands of connections would
// use it up, and a frame lies here for microseconds.
template <class T>
struct WipingAllocator {
    using value_type = T;
    WipingAllocator() = default;
    template <class U>
    WipingAllocator(const WipingAllocator<U>&) {}
    T* allocate(std::size_t n) { return std::allocator<T>().allocate(n); }
    void deallocate(T* p, std::size_t n) noexcept {
        ::explicit_bzero(p, n * sizeof(T));
        std::allocator<T>().deallocate(p, n);
    }
    friend bool operator==(WipingAllocator, WipingAllocator) { return true; }
};

class FrameReader {
  public:
    explicit FrameReader(std::size_t frame_bytes_max = limits::frame_bytes_max)
        : most_bytes_(frame_bytes_max + 1) {}
    // Room to read into; grows only when half a frame already fills it. Empty only while whole
    // frames that nobody took with next() fill all of it.
    std::span<char> space();
    // `n` bytes were read into space(). False: the unfinished frame is larger than the limit; close
    // the connection.
    bool feed(std::size_t n);
    // The next whole frame without its NUL, valid until the next space(). An empty frame is
    // returned as such.
    std::optional<std::string_view> next();
    bool empty() const { return begin_ == end_; }  // no unfinished bytes
    std::size_t memory() const { return buffer_.capacity(); }

  private:
    void grow();

    std::size_t most_bytes_;  // the largest frame and its NUL
    std::vector<char, WipingAllocator<char>> buffer_;
    std::size_t begin_ = 0;    // of the first unread byte
    std::size_t scanned_ = 0;  // no NUL before this
    std::size_t end_ = 0;      // of what was read
};

}  // namespace tb::proto
