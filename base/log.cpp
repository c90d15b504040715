// The sinks. One write() a line, so lines of several threads never mix.
#include "base/log.hpp"

#include <unistd.h>

#include <cstdlib>

namespace tb {
namespace {
std::string escaped(std::string_view line) {
    std::string out;
    out.reserve(line.size());
    for (const char c : line) {
        const auto u = static_cast<unsigned char>(c);
        if (u < 0x20 || u == 0x7f)
            out += fmt::format("\\x{:02x}", u);
        else
            out += c;
    }
    return out;
}
}  // namespace

StderrLog::StderrLog(Level least)
    : least_(least), priorities_(std::getenv("JOURNAL_STREAM") != nullptr) {}

void StderrLog::write(Level level, std::string_view line) {
    if (level > least_) return;
    std::string out = priorities_ ? fmt::format("<{}>", static_cast<int>(level)) : std::string();
    out += escaped(line);
    out += '\n';
    std::string_view left = out;
    while (!left.empty()) {
        const ssize_t n = ::write(STDERR_FILENO, left.data(), left.size());
        if (n <= 0) return;  // nobody is left to tell
        left.remove_prefix(static_cast<std::size_t>(n));
    }
}

void MemoryLog::write(Level level, std::string_view line) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(level, escaped(line));
}

std::vector<std::pair<Level, std::string>> MemoryLog::lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
}

bool MemoryLog::contains(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [level, line] : lines_)
        if (line.find(text) != std::string::npos) return true;
    return false;
}

}  // namespace tb
