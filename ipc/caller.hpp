// Who is at the other end, as the kernel attests it. uid, gid and groups are as at connect. What
// /proc says (unit, exe) is read for each decision and only counts while the pidfd says that the
// process still lives.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace tb::ipc {

inline constexpr uid_t nobody_id =
    65534;  // the overflow id: a foreign user namespace; never matches a rule

struct Caller {
    uid_t uid = nobody_id;
    gid_t gid = nobody_id;
    std::vector<gid_t> groups;  // SO_PEERGROUPS: supplementary
    pid_t pid = 0;   // 0: in a pid namespace we can't see; then nothing of /proc is ever believed
    UniqueFd pidfd;  // SO_PEERPIDFD, else pidfd_open
    std::uint64_t start_time =
        0;  // of /proc/PID/stat; re-checked where the pidfd was opened by number
    bool pidfd_from_socket = false;
    std::string describe()
        const;  // "uid 1000 (alice), pid 4711 (/usr/games/x)": for the log, what can be read
};

struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileIdentity&) const = default;
};

// Credentials of a connected Unix socket.
Result<Caller> identify(int socket_fd);
// The same by pid number (what kernels before 6.5 give), for tests of that path.
Result<Caller> identify_without_peerpidfd(int socket_fd);

// Pure: SO_PEERGROUPS failed and says that there are `count` groups. Is it asked again, with room
// for them? If not, the caller isn't identified.
bool groups_worth_a_second_look(int error, std::size_t count);

// Is it still the process that connected?
bool alive(const Caller& caller);
// The system manager's unit ("game-server@1.service"), never a user manager's, never just the last
// path component. nullopt: not in a unit, dead, or unreadable. Checks alive() after reading; so do
// the others.
std::optional<std::string> read_unit(const Caller& caller);
std::optional<std::string> read_cgroup(
    const Caller& caller);  // the cgroup v2 path, "/system.slice/..."
std::optional<FileIdentity> read_exe(const Caller& caller);  // needs CAP_SYS_PTRACE for other uids
std::optional<std::string> read_exe_sha256(const Caller& caller);  // hex, of the open executable

// Pure: the unit in a cgroup path, by the rules of systemd's cg_path_get_unit for the system
// manager.
std::optional<std::string> unit_of_cgroup(std::string_view cgroup_path);

}  // namespace tb::ipc
