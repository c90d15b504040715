// A key is made under another name, synced, then linked to its own: a crash leaves a whole key or
// none, and link() never replaces one that is there. It is durable before the first seal, because
// what is sealed with a lost key is lost.
#include "storage/key_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <string.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/unique_fd.hpp"
#include "storage/files.hpp"

namespace tb::storage {
namespace {

constexpr std::size_t key_bytes = 32;

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// 32 bytes as they are, or 64 hex digits with or without an end of line.
std::optional<Secret> parse_key(std::string_view text) {
    if (text.size() == key_bytes) return Secret(text);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.remove_suffix(1);
    if (text.size() != 2 * key_bytes) return std::nullopt;
    Secret key;
    key.reserve(key_bytes);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        key.push_back(static_cast<char>(high * 16 + low));
    }
    return key;
}

Result<void> check_owner_and_mode(int fd, const std::string& path, bool credential) {
    struct stat info{};
    if (::fstat(fd, &info) != 0) return file_error(errc::storage, "look at", path, errno);
    if (!S_ISREG(info.st_mode))
        return Error{errc::config, fmt::format("the master key {} is not a plain file", path)};
    if (info.st_uid != ::geteuid() && !(credential && info.st_uid == 0))
        return Error{errc::config,
                     fmt::format("the master key {} belongs to uid {}, not to uid {} that this "
                                 "runs as; run: chown {} {}",
                                 path, info.st_uid, ::geteuid(), ::geteuid(), path)};
    // systemd grants a credential to the service's user by an access list, whose mask stands in the
    // group's place: there the group may seem to read.
    const unsigned refused = credential ? 0027U & ~0040U : 0077U;
    if ((info.st_mode & refused) != 0)
        return Error{errc::config,
                     fmt::format("others can reach the master key {} (mode {:04o}); run: chmod "
                                 "600 {} (and if they may have read it, all grants are theirs too)",
                                 path, info.st_mode & 07777U, path)};
    return {};
}

Result<std::optional<MasterKey>> read_key(const std::string& path, bool credential) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd && errno == ENOENT) return std::optional<MasterKey>();
    if (!fd) return file_error(errc::storage, "open the master key", path, errno);
    if (auto checked = check_owner_and_mode(fd.get(), path, credential); !checked)
        return checked.error();
    Secret text;
    text.resize(4 * key_bytes);
    const ssize_t n = ::read(fd.get(), text.data(), text.size());
    if (n < 0) return file_error(errc::storage, "read the master key", path, errno);
    text.resize(static_cast<std::size_t>(n));
    std::optional<Secret> key = parse_key(text.view());
    if (!key)
        return Error{errc::damaged,
                     fmt::format("the master key {} holds neither 32 bytes nor 64 hex digits; put "
                                 "the right key back",
                                 path)};
    return std::optional<MasterKey>(MasterKey{std::move(*key), path});
}

Secret hex(const Secret& bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    Secret out;
    out.reserve(2 * bytes.size() + 1);
    for (const char c : bytes.view()) {
        out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
        out.push_back(digits[static_cast<unsigned char>(c) & 15]);
    }
    return out;
}

}  // namespace

Result<std::optional<MasterKey>> find_master_key(const std::string& state_dir,
                                                 const std::string& credentials_dir) {
    if (!credentials_dir.empty()) {
        auto key = read_key(credentials_dir + "/master-key", true);
        if (!key || *key) return key;
    }
    return read_key(state_dir + "/master.key", false);
}

Result<MasterKey> make_master_key(const std::string& state_dir, Random& random) {
    const std::string path = state_dir + "/master.key";
    const std::string draft = path + ".new";
    MasterKey key{{}, path};
    key.bytes.resize(key_bytes);
    random.fill(std::as_writable_bytes(std::span(key.bytes.data(), key_bytes)));

    (void)::unlink(draft.c_str());  // of a start that was cut off: nothing was sealed with it
    const UniqueFd fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) return file_error(errc::storage, "make the master key", draft, errno);
    Secret text = hex(key.bytes);
    text.push_back('\n');
    if (auto written = write_all(fd.get(), draft, text.view()); !written) return written.error();
    if (::fsync(fd.get()) != 0) return file_error(errc::storage, "sync", draft, errno);
    if (::link(draft.c_str(), path.c_str()) != 0)
        return file_error(errc::storage, "make the master key", path, errno);
    (void)::unlink(draft.c_str());
    if (auto synced = sync_folder(state_dir); !synced) return synced.error();
    return key;
}

}  // namespace tb::storage
