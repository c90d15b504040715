// What /proc says about a live caller: unit, cgroup, executable. Each one reads first and asks
// alive() last, so an answer is about the process that connected or there is none.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "base/limits.hpp"
#include "ipc/caller.hpp"
#include "ipc/hash_cache.hpp"
#include "ipc/proc.hpp"

namespace tb::ipc {
namespace {
FileVersion version_of(const struct stat& info) {
    return {info.st_dev, info.st_ino, info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
}

HashCache& hashes() {
    static HashCache cache;
    return cache;
}

std::optional<std::string> sha256_of(int fd) {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                     &EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1)
        return std::nullopt;
    std::array<char, 64 * 1024> block{};
    for (std::size_t total = 0; total <= limits::exe_hash_bytes_max;) {
        const ssize_t n = ::read(fd, block.data(), block.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::nullopt;
        if (n > 0) {
            total += static_cast<std::size_t>(n);
            if (EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(n)) != 1)
                return std::nullopt;
            continue;
        }
        std::array<unsigned char, 32> digest{};
        if (EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) return std::nullopt;
        std::string hex;
        for (const unsigned char byte : digest)
            hex += fmt::format("{:02x}", byte);
        return hex;
    }
    return std::nullopt;  // it grew under us, beyond the limit
}

// A change within one tick of the file system's clock leaves the change time as it was: only what
// has been left alone for a while is remembered. The kernel compares; no clock is read here.
bool settled(const struct stat& info) {
    constexpr time_t settle_s = 2;
    const UniqueFd timer(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    itimerspec at{};
    at.it_value.tv_sec = info.st_ctim.tv_sec + settle_s;
    if (!timer || ::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &at, nullptr) != 0)
        return false;
    pollfd wait{.fd = timer.get(), .events = POLLIN, .revents = 0};
    return ::poll(&wait, 1, 0) == 1;
}

// A file system in user space can give us one content and the kernel's loader another.
bool served_by_a_user(int fd) {
    struct statfs info{};
    return ::fstatfs(fd, &info) != 0 || info.f_type == FUSE_SUPER_MAGIC;
}
}  // namespace

std::optional<std::string> read_cgroup(const Caller& caller) {
    if (caller.pid == 0) return std::nullopt;
    const auto text = proc::read(caller.pid, "cgroup");
    if (!text || !alive(caller)) return std::nullopt;
    return proc::parse_cgroup(*text);
}

std::optional<std::string> read_unit(const Caller& caller) {
    const auto cgroup = read_cgroup(caller);
    return cgroup ? unit_of_cgroup(*cgroup) : std::nullopt;
}

std::optional<FileIdentity> read_exe(const Caller& caller) {
    if (caller.pid == 0) return std::nullopt;
    struct stat info{};
    if (::stat(proc::path(caller.pid, "exe").c_str(), &info) != 0) return std::nullopt;
    if (!S_ISREG(info.st_mode) || !alive(caller)) return std::nullopt;
    return FileIdentity{info.st_dev, info.st_ino};
}

std::optional<std::string> read_exe_sha256(const Caller& caller) {
    if (caller.pid == 0) return std::nullopt;
    const UniqueFd fd(
        ::open(proc::path(caller.pid, "exe").c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    if (served_by_a_user(fd.get()) || !alive(caller)) return std::nullopt;
    if (static_cast<std::size_t>(info.st_size) > limits::exe_hash_bytes_max) return std::nullopt;
    const FileVersion version = version_of(info);
    auto hash = hashes().find(version);
    if (!hash) {
        hash = sha256_of(fd.get());
        struct stat after{};
        if (!hash || ::fstat(fd.get(), &after) != 0 || version_of(after) != version)
            return std::nullopt;
        if (settled(info)) hashes().put(version, *hash);
    }
    return alive(caller) ? hash : std::nullopt;
}

}  // namespace tb::ipc
