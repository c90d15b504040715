// The log is the operators' window: every line at runtime is a malfunction, a decision or an
// operator's act, and never holds a secret. Handed to whoever needs it (no global), so a test reads
// the lines and asserts on them.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tb {

// The numbers are syslog's, as the journal reads them from "<N>" at the start of a line.
enum class Level : std::uint8_t {
    critical = 2,
    error = 3,
    warning = 4,
    notice = 5,
    info = 6,
    debug = 7
};

class Log {
  public:
    virtual ~Log() = default;
    // Any thread. Control characters in `line` are escaped by the sink: what a provider or caller
    // wrote can't forge a line.
    virtual void write(Level level, std::string_view line) = 0;

    template <class... Args>
    void critical(fmt::format_string<Args...> text, Args&&... args) {
        write(Level::critical, fmt::format(text, std::forward<Args>(args)...));
    }
    template <class... Args>
    void error(fmt::format_string<Args...> text, Args&&... args) {
        write(Level::error, fmt::format(text, std::forward<Args>(args)...));
    }
    template <class... Args>
    void warning(fmt::format_string<Args...> text, Args&&... args) {
        write(Level::warning, fmt::format(text, std::forward<Args>(args)...));
    }
    template <class... Args>
    void notice(fmt::format_string<Args...> text, Args&&... args) {
        write(Level::notice, fmt::format(text, std::forward<Args>(args)...));
    }
    template <class... Args>
    void info(fmt::format_string<Args...> text, Args&&... args) {
        write(Level::info, fmt::format(text, std::forward<Args>(args)...));
    }
};

// Standard error, with "<N>" priorities when it is the journal (or `priorities` says so).
class StderrLog final : public Log {
  public:
    explicit StderrLog(Level least);
    void write(Level level, std::string_view line) override;

  private:
    Level least_;
    bool priorities_;
};

// Keeps the lines, for tests.
class MemoryLog final : public Log {
  public:
    void write(Level level, std::string_view line) override;
    std::vector<std::pair<Level, std::string>> lines() const;
    bool contains(std::string_view text) const;

  private:
    mutable std::mutex mutex_;
    std::vector<std::pair<Level, std::string>> lines_;
};

}  // namespace tb
