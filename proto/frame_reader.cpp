// The frame reader. What must stay true: begin_ <= scanned_ <= end_ <= buffer_.size(), and the
// buffer is never larger than the largest frame and its NUL, so that a frame is refused at the same
// byte however the stream was cut.
#include "proto/frame_reader.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace tb::proto {
namespace {
constexpr std::size_t first_bytes = 4 * 1024;  // nearly every call fits; 8,000 connections: 32 MiB
}  // namespace

void FrameReader::grow() {
    const std::size_t wanted = std::min(most_bytes_, std::max(first_bytes, buffer_.size() * 2));
    buffer_.reserve(wanted);  // the last step is by one byte, not by half
    buffer_.resize(wanted);
}

std::span<char> FrameReader::space() {
    if (empty()) {
        if (end_ > 0) ::explicit_bzero(buffer_.data(), end_);
        begin_ = scanned_ = end_ = 0;
        if (buffer_.size() > first_bytes) {  // one large frame doesn't keep its memory for ever
            buffer_.resize(first_bytes);
            buffer_.shrink_to_fit();
        }
    } else if (begin_ > 0) {
        const std::size_t kept = end_ - begin_;
        std::memmove(buffer_.data(), buffer_.data() + begin_, kept);
        ::explicit_bzero(buffer_.data() + kept, end_ - kept);
        scanned_ -= begin_;
        begin_ = 0;
        end_ = kept;
    }
    if (end_ == buffer_.size() && end_ < most_bytes_) grow();
    return {buffer_.data() + end_, buffer_.size() - end_};
}

bool FrameReader::feed(std::size_t n) {
    TB_ASSERT(n <= buffer_.size() - end_);
    end_ += n;
    if (end_ - begin_ < most_bytes_) return true;
    // Full from end to end: only a NUL somewhere makes this anything but one oversized frame.
    return std::memchr(buffer_.data() + begin_, '\0', end_ - begin_) != nullptr;
}

std::optional<std::string_view> FrameReader::next() {
    if (scanned_ == end_) return std::nullopt;
    const char* from = buffer_.data() + scanned_;
    const void* nul = std::memchr(from, '\0', end_ - scanned_);
    if (nul == nullptr) {
        scanned_ = end_;
        return std::nullopt;
    }
    const auto at = static_cast<std::size_t>(static_cast<const char*>(nul) - buffer_.data());
    const std::string_view frame(buffer_.data() + begin_, at - begin_);
    begin_ = scanned_ = at + 1;
    return frame;
}

}  // namespace tb::proto
