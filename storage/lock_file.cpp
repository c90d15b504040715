// A flock goes with the process, however it ends, and the file is never removed: a name that is
// unlinked and made again would let two daemons hold two different files. The pid inside is for
// people; only the flock counts.
#include "storage/lock_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>

#include <cerrno>

#include "storage/files.hpp"

namespace tb::storage {

Result<LockFile> LockFile::take(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return file_error(errc::storage, "open the lock file", path, errno);
    int taken = 0;
    do {
        taken = ::flock(fd.get(), LOCK_EX | LOCK_NB);
    } while (taken != 0 && errno == EINTR);
    if (taken != 0) {
        if (errno != EWOULDBLOCK) return file_error(errc::storage, "lock", path, errno);
        const Result<std::string> pid = read_file(fd.get(), path, 32);
        const std::string holder = pid ? pid->substr(0, pid->find('\n')) : std::string();
        return Error{errc::locked,
                     fmt::format("another token broker uses this state folder (process {}, {} is "
                                 "locked); stop it, or use another state folder",
                                 holder.empty() ? "unknown" : holder, path)};
    }
    // A full disk must not keep us out: without the pid the lock is as good.
    if (::ftruncate(fd.get(), 0) == 0)
        (void)write_all(fd.get(), path, fmt::format("{}\n", ::getpid()));
    return LockFile(std::move(fd));
}

}  // namespace tb::storage
