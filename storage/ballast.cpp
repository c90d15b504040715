// The blocks are allocated (posix_fallocate), not only counted in the size: a sparse file would
// reserve nothing. Giving them up ends with an fsync, because journalling file systems hand freed
// blocks out only after the journal is written.
#include "storage/ballast.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>

#include "storage/files.hpp"

namespace tb::storage {
namespace {
UniqueFd open_ballast(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}
}  // namespace

Ballast::Ballast(std::string path, std::size_t bytes) : path_(std::move(path)), bytes_(bytes) {
    struct stat info{};
    in_place_ = ::stat(path_.c_str(), &info) == 0 &&
                static_cast<std::size_t>(info.st_size) >= bytes_ &&
                static_cast<std::size_t>(info.st_blocks) * 512 >= bytes_;
}

Result<void> Ballast::reserve() {
    const UniqueFd fd = open_ballast(path_);
    if (!fd) return file_error(errc::storage, "reserve disk room in", path_, errno);
    int failed = 0;
    do {
        failed = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_));
    } while (failed == EINTR);
    in_place_ = failed == 0;
    if (in_place_) return {};
    (void)!::ftruncate(fd.get(), 0);
    return file_error(errc::storage, fmt::format("reserve {} bytes of disk room in", bytes_), path_,
                      failed);
}

void Ballast::release() {
    in_place_ = false;
    const UniqueFd fd = open_ballast(path_);
    if (fd && ::ftruncate(fd.get(), 0) == 0) (void)::fsync(fd.get());
}

}  // namespace tb::storage
