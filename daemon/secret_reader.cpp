// See secret_reader.hpp. Straight from the file into wiped memory: no stream buffers in between.
#include "daemon/secret_reader.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.hpp"
#include "base/unique_fd.hpp"

namespace tb::daemon {
namespace {
Error cannot(const std::string& path, std::string_view why) {
    return Error{errc::misconfigured, fmt::format("the client secret {} {}", path, why)};
}
}  // namespace

Result<Secret> read_secret(const SecretSource& source, const std::string& credentials_dir) {
    std::string path = source.where;
    if (source.kind == SecretSource::Kind::credential) {
        if (credentials_dir.empty())
            return cannot(source.where,
                          "is a systemd credential, but the daemon was started without any; add "
                          "LoadCredential=" +
                              source.where + ":/path to a drop-in of tokenbrokerd.service");
        path = credentials_dir + "/" + source.where;
    }
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file) return cannot(path, fmt::format("can't be read: {}", ::strerror(errno)));
    struct stat info{};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
        return cannot(path, "is not a regular file");
    if ((info.st_mode & 077) != 0 && source.kind == SecretSource::Kind::file)
        return cannot(path, "can be read by others; run: chmod 600 " + path);
    if (info.st_size <= 0 || info.st_size > static_cast<off_t>(limits::secret_bytes_max))
        return cannot(path, "is empty or too large");
    Secret value;
    value.resize(static_cast<std::size_t>(info.st_size));
    const ssize_t got = ::read(file.get(), value.data(), value.size());
    if (got <= 0) return cannot(path, "can't be read");
    std::size_t size = static_cast<std::size_t>(got);
    while (size > 0 && (value.view()[size - 1] == '\n' || value.view()[size - 1] == '\r'))
        --size;
    value.resize(size);
    if (value.empty()) return cannot(path, "holds nothing but a line end");
    return value;
}

}  // namespace tb::daemon
