// Reading /proc/PID by number. Nothing read here counts by itself: the caller of these checks
// afterwards, by pidfd, that the number still belonged to the same process (ipc/caller.hpp).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tb::ipc::proc {

std::string path(pid_t pid, std::string_view file);  // "/proc/4711/stat"
// A whole small file; nullopt if it can't be read or is larger than limits::proc_file_bytes_max.
std::optional<std::string> read(pid_t pid, std::string_view file);
// Since boot, in clock ticks: with the pid it names one process of this boot.
std::optional<std::uint64_t> start_time(pid_t pid);
std::optional<uid_t> effective_uid(pid_t pid);

// Pure, for tests: out of the texts of /proc/PID/stat, status and cgroup.
std::optional<std::uint64_t> parse_start_time(std::string_view stat);
std::optional<uid_t> parse_effective_uid(std::string_view status);
std::optional<std::string> parse_cgroup(std::string_view cgroup);

}  // namespace tb::ipc::proc
