// Listening sockets: made here, or handed in by systemd. What must stay true: at no moment can
// anybody connect who may not once the mode is set; and a socket that somebody answers on is never
// removed. Two daemons that start at once are kept apart by the lock of the state folder, which is
// taken before this.
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "ipc/server.hpp"

namespace tb::ipc {
namespace {
template <class... Args>
Error refused(errc code, const std::string& path, fmt::format_string<Args...> text,
              Args&&... args) {
    return {code,
            fmt::format("socket {}: {}", path, fmt::format(text, std::forward<Args>(args)...))};
}

Error system_error(const std::string& path, std::string_view what, int error) {
    return refused(errc::io, path, "{}: {}", what, std::strerror(error));
}

Result<sockaddr_un> to_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return refused(errc::config, path, "a socket's path has 1 to {} bytes",
                       sizeof address.sun_path - 1);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

// Makes room for a new socket: removes one that nobody answers on, refuses anything else.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0)
        return errno == ENOENT ? Result<void>() : system_error(path, "look", errno);
    if (!S_ISSOCK(info.st_mode))
        return refused(errc::io, path, "there is something else that isn't a socket: remove it");
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) return system_error(path, "socket", errno);
    const int result = ::connect(probe.get(), generic(address), sizeof address);
    const int error = errno;
    // EAGAIN: its queue is full; EPROTOTYPE: somebody's socket of another type.
    if (result == 0 || error == EAGAIN || error == EPROTOTYPE)
        return refused(errc::locked, path, "another process serves it: stop that one first");
    if (error != ECONNREFUSED && error != ENOENT)
        return system_error(path, "can't tell whether it is in use", error);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return system_error(path, "remove the stale socket", errno);
    return {};
}

Result<gid_t> find_group(const std::string& path, const std::string& name) {
    std::vector<char> text(1024);
    for (int attempt = 0; attempt < 12; ++attempt) {
        group entry{};
        group* found = nullptr;
        const int error = ::getgrnam_r(name.c_str(), &entry, text.data(), text.size(), &found);
        if (error == ERANGE) {
            text.resize(text.size() * 2);
            continue;
        }
        if (found != nullptr) return found->gr_gid;
        if (error != 0) return system_error(path, "look up group " + name, error);
        break;
    }
    return refused(errc::config, path, "group {} doesn't exist: create it or name another", name);
}

// Through a descriptor of what was just bound, so that a swapped path can't redirect it.
Result<void> set_access(const std::string& path, unsigned mode, std::optional<gid_t> group) {
    const UniqueFd bound(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (!bound || ::fstat(bound.get(), &info) != 0) return system_error(path, "open", errno);
    if (!S_ISSOCK(info.st_mode) || info.st_uid != ::geteuid())
        return refused(errc::io, path, "somebody replaced it: keep others out of its folder");
    if (group && ::fchownat(bound.get(), "", static_cast<uid_t>(-1), *group, AT_EMPTY_PATH) != 0)
        return system_error(path, "give it to its group", errno);
    const std::string by_fd = fmt::format("/proc/self/fd/{}", bound.get());
    if (::chmod(by_fd.c_str(), mode) != 0) return system_error(path, "set its mode", errno);
    return {};
}

Result<std::string> path_of(int fd) {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return Error{errc::io, fmt::format("listener: getsockname: {}", std::strerror(errno))};
    const std::size_t length = size - offsetof(sockaddr_un, sun_path);
    if (length == 0 || length > sizeof address.sun_path || address.sun_path[0] == '\0')
        return Error{errc::config,
                     "listener: it has no path in the file system, so it has no mode that could "
                     "keep others out"};
    return std::string(address.sun_path, ::strnlen(address.sun_path, length));
}
}  // namespace

Result<UniqueFd> listen_unix(const std::string& path, unsigned mode, std::string group) {
    const auto address = to_address(path);
    if (!address) return address.error();
    std::optional<gid_t> gid;
    if (!group.empty()) {
        const auto found = find_group(path, group);
        if (!found) return found.error();
        gid = *found;
    }
    if (auto free = remove_stale(path, *address); !free) return free.error();
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return system_error(path, "socket", errno);
    // The mode of the unbound socket is the upper bound of the bound one's (Linux), so the file is
    // born closed to others whatever the umask; and nobody can connect before listen().
    if (::fchmod(fd.get(), 0600) != 0) return system_error(path, "fchmod", errno);
    if (::bind(fd.get(), generic(*address), sizeof *address) != 0)
        return system_error(path, "bind", errno);
    if (auto set = set_access(path, mode, gid); !set) {
        ::unlink(path.c_str());
        return set.error();
    }
    if (::listen(fd.get(), SOMAXCONN) != 0) {
        const int error = errno;
        ::unlink(path.c_str());
        return system_error(path, "listen", error);
    }
    return fd;
}

std::vector<std::pair<std::string, UniqueFd>> take_systemd_listeners() {
    std::vector<std::pair<std::string, UniqueFd>> listeners;
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; ++i) {
        UniqueFd fd(SD_LISTEN_FDS_START + i);
        const int flags = ::fcntl(fd.get(), F_GETFL);
        if (flags >= 0) ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK);
        listeners.emplace_back(names[i], std::move(fd));
        std::free(names[i]);
    }
    std::free(names);
    return listeners;
}

Result<void> check_listener(int listener_fd) {
    if (::sd_is_socket_unix(listener_fd, SOCK_STREAM, 1, nullptr, 0) > 0) return {};
    return Error{errc::config, fmt::format("listener {}: not a listening Unix stream socket: use "
                                           "ListenStream= with a path in the socket unit",
                                           listener_fd)};
}

Result<void> check_admin_listener(int listener_fd) {
    if (auto usable = check_listener(listener_fd); !usable) return usable.error();
    const auto path = path_of(listener_fd);
    if (!path) return path.error();
    struct stat info{};
    if (::lstat(path->c_str(), &info) != 0) return system_error(*path, "look", errno);
    if (!S_ISSOCK(info.st_mode)) return refused(errc::config, *path, "it is no longer a socket");
    if ((info.st_mode & S_IWOTH) != 0)
        return refused(errc::config, *path,
                       "its mode is {:04o}, so anybody could connect to the admin interface: set "
                       "SocketMode=0660",
                       info.st_mode & 07777U);
    if (info.st_uid != 0 && info.st_uid != ::geteuid())
        return refused(errc::config, *path,
                       "it belongs to uid {}, who could open it to others: it must be root's or "
                       "the daemon's own",
                       info.st_uid);
    return {};
}

}  // namespace tb::ipc
