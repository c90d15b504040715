// Small files of /proc, read whole and parsed strictly: what doesn't look as the kernel writes it
// is not there. A process can put anything (spaces, brackets, line ends) into its own name.
#include "ipc/proc.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <charconv>

#include "base/limits.hpp"
#include "base/unique_fd.hpp"

namespace tb::ipc::proc {
namespace {
template <class T>
std::optional<T> to_number(std::string_view text) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || at != end) return std::nullopt;
    return value;
}

// The n-th word (from 0) of a text.
std::string_view word(std::string_view text, int n) {
    for (int i = 0;; ++i) {
        const std::size_t begin = text.find_first_not_of(" \t\n");
        if (begin == std::string_view::npos) return {};
        text.remove_prefix(begin);
        const std::size_t length = text.find_first_of(" \t\n");
        if (i == n) return text.substr(0, length);
        if (length == std::string_view::npos) return {};
        text.remove_prefix(length);
    }
}

// What stands after `key` on the line that begins with it.
std::optional<std::string_view> line_of(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (line.starts_with(key)) return line.substr(key.size());
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return std::nullopt;
}
}  // namespace

std::string path(pid_t pid, std::string_view file) {
    return fmt::format("/proc/{}/{}", pid, file);
}

std::optional<std::string> read(pid_t pid, std::string_view file) {
    const UniqueFd fd(::open(path(pid, file).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) return std::nullopt;
    // One byte more than is taken: whoever fills it is too large.
    std::string text(limits::proc_file_bytes_max + 1, '\0');
    std::size_t length = 0;
    while (length < text.size()) {
        const ssize_t n = ::read(fd.get(), text.data() + length, text.size() - length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::nullopt;
        if (n == 0) {
            text.resize(length);
            return text;
        }
        length += static_cast<std::size_t>(n);
    }
    return std::nullopt;
}

std::optional<std::uint64_t> parse_start_time(std::string_view stat) {
    // "4711 (any) thing ) S 1 ...": the name ends at the last bracket; the time is field 22.
    const std::size_t bracket = stat.rfind(')');
    if (bracket == std::string_view::npos) return std::nullopt;
    return to_number<std::uint64_t>(word(stat.substr(bracket + 1), 19));
}

std::optional<uid_t> parse_effective_uid(std::string_view status) {
    const auto uids = line_of(status, "Uid:");  // real, effective, saved, file system
    if (!uids) return std::nullopt;
    return to_number<uid_t>(word(*uids, 1));
}

std::optional<std::string> parse_cgroup(std::string_view cgroup) {
    const auto found = line_of(cgroup, "0::");
    if (!found || !found->starts_with('/')) return std::nullopt;
    // The kernel's mark for a group that is gone: only a dead process is in one.
    if (found->ends_with(" (deleted)")) return std::nullopt;
    return std::string(*found);
}

std::optional<std::uint64_t> start_time(pid_t pid) {
    const auto stat = read(pid, "stat");
    return stat ? parse_start_time(*stat) : std::nullopt;
}

std::optional<uid_t> effective_uid(pid_t pid) {
    const auto status = read(pid, "status");
    return status ? parse_effective_uid(*status) : std::nullopt;
}

}  // namespace tb::ipc::proc
