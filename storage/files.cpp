// Plain system calls with their errors turned into words. What an error names is always the path.
#include "storage/files.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace tb::storage {

Error file_error(errc code, std::string_view doing, std::string_view path, int error_number) {
    return Error{code, fmt::format("cannot {} {}: {}", doing, path, std::strerror(error_number))};
}

Result<std::string> read_file(int fd, std::string_view path, std::size_t bytes_max) {
    std::string bytes;
    char chunk[512];
    while (bytes.size() <= bytes_max) {
        const ssize_t n = ::read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return file_error(errc::storage, "read", path, errno);
        if (n == 0) return bytes;
        bytes.append(chunk, static_cast<std::size_t>(n));
    }
    return Error{errc::damaged, fmt::format("{} is larger than {} bytes: it is not what belongs "
                                            "there; move it away or put the right file back",
                                            path, bytes_max)};
}

Result<void> write_all(int fd, std::string_view path, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return file_error(errc::storage, "write", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<void> sync_folder(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return file_error(errc::storage, "sync", path, errno);
    return {};
}

Result<void> check_state_dir(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0)
        return file_error(errc::storage, "use the state folder", path, errno);
    if (!S_ISDIR(info.st_mode))
        return Error{errc::config, fmt::format("the state folder {} is not a folder", path)};
    if (info.st_uid != ::geteuid())
        return Error{errc::config,
                     fmt::format("the state folder {} belongs to uid {}, not to uid {} that this "
                                 "runs as; run: chown {} {}",
                                 path, info.st_uid, ::geteuid(), ::geteuid(), path)};
    if ((info.st_mode & 022) != 0)
        return Error{errc::config,
                     fmt::format("others can write the state folder {} (mode {:04o}); run: "
                                 "chmod 700 {}",
                                 path, info.st_mode & 07777U, path)};
    return {};
}

std::int64_t bytes_of(const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<std::int64_t>(info.st_size) : 0;
}

}  // namespace tb::storage
