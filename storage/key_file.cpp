// A key is made under another name, synced, then linked to its own: a crash leaves a whole key or
// none, and link() never replaces one that is there. It is durable before the first seal, because
// what is sealed with a lost key is lost.
#include "storage/key_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/check.hpp"
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

// A new key under `path`, whole and durable. `draft`: its name until then.
Result<MasterKey> write_key(const std::string& state_dir, const std::string& path,
                            const std::string& draft, Random& random) {
    MasterKey key{{}, path};
    key.bytes.resize(key_bytes);
    random.fill(std::as_writable_bytes(std::span(key.bytes.data(), key_bytes)));

    (void)::unlink(draft.c_str());  // of an attempt that was cut off: nothing was sealed with it
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

// What the file held is overwritten, as far as the file system does that in place.
void overwrite(int fd) {
    const std::string zeros(2 * key_bytes + 1, '\0');
    if (fd < 0 || ::lseek(fd, 0, SEEK_SET) != 0) return;
    if (write_all(fd, "", zeros)) (void)::fsync(fd);
}

UniqueFd open_to_overwrite(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
}

bool holds(const std::string& path, std::string_view id) {
    const auto key = read_key(path, false);
    return key && *key && key_id_of(**key) == id;
}

bool begins_with(const std::string& path, const std::string& folder) {
    return !folder.empty() && path.rfind(folder + "/", 0) == 0;
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
    return write_key(state_dir, path, path + ".draft", random);
}

std::string key_id_of(const MasterKey& key) {
    Secret text("token broker key id");
    text.append(key.bytes.view());
    unsigned char digest[32];
    TB_ASSERT(EVP_Q_digest(nullptr, "SHA256", nullptr, text.view().data(), text.size(), digest,
                           nullptr) == 1);
    return {reinterpret_cast<const char*>(digest), 8};
}

std::string hex_of(std::string_view bytes) {
    std::string out;
    for (const char c : bytes)
        out += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return out;
}

const MasterKey* FoundKeys::with_id(std::string_view id) const {
    const auto found = std::find_if(keys.begin(), keys.end(),
                                    [id](const MasterKey& key) { return key_id_of(key) == id; });
    return found == keys.end() ? nullptr : &*found;
}

FoundKeys find_keys(const std::string& state_dir, const std::string& credentials_dir) {
    FoundKeys found;
    const auto look = [&found](const std::string& path, bool credential) {
        Result<std::optional<MasterKey>> key = read_key(path, credential);
        if (!key && !found.trouble) found.trouble = key.error();
        if (key && *key) found.keys.push_back(std::move(**key));
    };
    if (!credentials_dir.empty()) {
        look(credentials_dir + "/master-key", true);
        look(credentials_dir + "/master-key.new", true);
    }
    look(state_dir + "/master.key", false);
    look(state_dir + "/master.key.new", false);
    return found;
}

Result<MasterKey> next_master_key(const std::string& state_dir, const std::string& credentials_dir,
                                  const std::string& current_path, std::string_view current_id,
                                  Random& random) {
    const bool from_credential = begins_with(current_path, credentials_dir);
    if (!credentials_dir.empty()) {
        for (const char* name : {"/master-key.new", "/master-key"}) {
            // After a change to master-key.new, master-key may still hold the key before it.
            if (from_credential && name == std::string_view("/master-key")) break;
            auto key = read_key(credentials_dir + name, true);
            if (!key) return key.error();
            if (*key && key_id_of(**key) != current_id) return std::move(**key);
        }
    }
    if (from_credential)
        return Error{errc::config,
                     fmt::format("the master key is the credential {}, which only its owner can "
                                 "change: bring a new key (openssl rand -hex 32) as the credential "
                                 "master-key.new beside it, restart tokenbrokerd, and run: "
                                 "tokenbroker rekey. If that was done before, the key in use is "
                                 "master-key.new already: make it master-key first",
                                 current_path)};
    const std::string path = state_dir + "/master.key.new";
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)  // one that was never used: see the caller
        return file_error(errc::storage, "remove", path, errno);
    return write_key(state_dir, path, state_dir + "/master.key.draft", random);
}

Result<std::string> retire_key_files(const std::string& state_dir,
                                     const std::string& credentials_dir,
                                     std::string_view current_id, std::string_view old_id) {
    const std::string named = state_dir + "/master.key";
    const std::string fresh = named + ".new";
    const UniqueFd old = holds(named, old_id) ? open_to_overwrite(named) : UniqueFd();
    struct stat info{};
    const bool free = ::stat(named.c_str(), &info) != 0 && errno == ENOENT;
    if (holds(fresh, current_id) && (old || free)) {
        if (::rename(fresh.c_str(), named.c_str()) != 0)
            return file_error(errc::storage, "rename", fresh, errno);
    } else if (old && ::unlink(named.c_str()) != 0) {
        return file_error(errc::storage, "remove the old master key", named, errno);
    }
    if (auto synced = sync_folder(state_dir); !synced) return synced.error();
    overwrite(old.get());
    const FoundKeys found = find_keys(state_dir, credentials_dir);
    const MasterKey* current = found.with_id(current_id);
    return current == nullptr ? std::string() : current->path;
}

}  // namespace tb::storage
