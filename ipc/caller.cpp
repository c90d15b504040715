// Caller identity from the socket, and whether it still is the process that connected. What must
// stay true: a pid that can't be tied to the socket's peer is never believed, and everything read
// by number counts only if alive() says so afterwards.
#include "ipc/caller.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/limits.hpp"
#include "ipc/proc.hpp"

namespace tb::ipc {
namespace {
#ifdef SO_PEERPIDFD
constexpr int so_peerpidfd = SO_PEERPIDFD;
#else
constexpr int so_peerpidfd = 77;  // Linux 6.5; glibc 2.36 has no name for it
#endif

Error failed(std::string_view what, int error) {
    return {errc::io, fmt::format("caller: {}: {}", what, std::strerror(error))};
}

Result<void> read_credentials(int fd, Caller& caller) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return failed("SO_PEERCRED", errno);
    // Not a connected Unix socket: the kernel says -1, not an error.
    if (credentials.uid == static_cast<uid_t>(-1))
        return Error{errc::io, "caller: the socket has no peer credentials"};
    caller.uid = credentials.uid;
    caller.gid = credentials.gid;
    caller.pid = credentials.pid > 0 ? credentials.pid : 0;
    return {};
}

Result<void> read_groups(int fd, Caller& caller) {
    std::vector<gid_t> groups(32);
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        const int result = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
        const int error = errno;
        const std::size_t count = size / sizeof(gid_t);
        if (result == 0) {
            groups.resize(count);
            caller.groups = std::move(groups);
            return {};
        }
        if (!groups_worth_a_second_look(error, count)) return failed("SO_PEERGROUPS", error);
        groups.resize(
            count);  // the kernel said how many: they are as at connect, they don't change
    }
    return failed("SO_PEERGROUPS", ERANGE);
}

// By number: glibc 2.36 declares its wrapper without extern "C".
int open_pidfd(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

bool out_of_resources(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

// The pid may have been freed and given to another process between connect and now. Whoever has it
// now must be older than our look at it (the same start time before and after pidfd_open) and run
// as the uid that connected: so the most that a re-used number can name is another process of the
// same user, who could have used that process anyway.
Result<void> open_by_number(Caller& caller) {
    const auto before = proc::start_time(caller.pid);
    UniqueFd pidfd(open_pidfd(caller.pid));
    if (!pidfd && out_of_resources(errno)) return failed("pidfd_open", errno);
    const auto after = proc::start_time(caller.pid);
    const auto uid = proc::effective_uid(caller.pid);
    if (!before || !pidfd || before != after || uid != caller.uid) return {};
    caller.pidfd = std::move(pidfd);
    caller.start_time = *before;
    return {};
}

Result<Caller> identify_by(int fd, bool by_socket) {
    Caller caller;
    if (auto done = read_credentials(fd, caller); !done) return done.error();
    if (auto done = read_groups(fd, caller); !done) return done.error();
    // A peer in a pid namespace that isn't ours or below: no number, so nothing in our /proc.
    if (caller.pid == 0) return Result<Caller>(std::move(caller));
    if (by_socket) {
        int pidfd = -1;
        socklen_t size = sizeof pidfd;
        if (::getsockopt(fd, SOL_SOCKET, so_peerpidfd, &pidfd, &size) == 0) {
            caller.pidfd.reset(pidfd);
            caller.pidfd_from_socket = true;
            return Result<Caller>(std::move(caller));
        }
        if (out_of_resources(errno)) return failed("SO_PEERPIDFD", errno);
        // Anything but "unknown option": the peer is already dead, and stays without a pidfd.
        if (errno != ENOPROTOOPT) return Result<Caller>(std::move(caller));
    }
    if (auto done = open_by_number(caller); !done) return done.error();
    return Result<Caller>(std::move(caller));
}

// From /etc/passwd alone: a name service over the network would make the log wait for it.
std::string user_name(uid_t uid) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/etc/passwd", "re"), &std::fclose);
    if (!file) return {};
    std::array<char, 4096> text{};
    passwd entry{};
    passwd* found = nullptr;
    while (::fgetpwent_r(file.get(), &entry, text.data(), text.size(), &found) == 0)
        if (found != nullptr && found->pw_uid == uid) return found->pw_name;
    return {};
}

// What runs there: its file where we may see it, else the name it gave itself.
std::string program_name(const Caller& caller) {
    std::array<char, 4096> target{};
    const ssize_t n =
        ::readlink(proc::path(caller.pid, "exe").c_str(), target.data(), target.size());
    std::string name;
    if (n > 0) {
        name.assign(target.data(), static_cast<std::size_t>(n));
    } else if (auto comm = proc::read(caller.pid, "comm")) {
        name = fmt::format("named {}", comm->substr(0, comm->find('\n')));
    }
    return alive(caller) ? name : "gone";
}
}  // namespace

bool groups_worth_a_second_look(int error, std::size_t count) {
    return error == ERANGE && count <= limits::peer_groups_max;
}

Result<Caller> identify(int socket_fd) {
    return identify_by(socket_fd, true);
}

Result<Caller> identify_without_peerpidfd(int socket_fd) {
    return identify_by(socket_fd, false);
}

bool alive(const Caller& caller) {
    if (caller.pid == 0 || !caller.pidfd) return false;
    pollfd wait{.fd = caller.pidfd.get(), .events = POLLIN, .revents = 0};
    int ready = ::poll(&wait, 1, 0);
    for (int attempt = 0; ready < 0 && errno == EINTR && attempt < 10; ++attempt)
        ready = ::poll(&wait, 1, 0);
    if (ready != 0) return false;  // readable: it ended; an error: we can't say, so no
    return caller.pidfd_from_socket || proc::start_time(caller.pid) == caller.start_time;
}

std::string Caller::describe() const {
    std::string text = fmt::format("uid {}", uid);
    if (const std::string name = user_name(uid); !name.empty()) text += fmt::format(" ({})", name);
    if (pid == 0) return text + ", pid unknown (another pid namespace)";
    const std::string program = program_name(*this);
    return text + (program.empty() ? fmt::format(", pid {}", pid)
                                   : fmt::format(", pid {} ({})", pid, program));
}

}  // namespace tb::ipc
