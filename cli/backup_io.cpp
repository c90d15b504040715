// See backup_io.hpp. A backup that is there is only ever replaced by a whole one, and a file that
// is no backup is never replaced.
#include "cli/backup_io.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/limits.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

// False: another process has it. One that can't be locked at all is taken for free.
bool lock(int fd) {
    return ::flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

bool is_at(int fd, const std::string& path) {
    struct stat open{};
    struct stat named{};
    return ::fstat(fd, &open) == 0 && ::lstat(path.c_str(), &named) == 0 &&
           open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

}  // namespace

Answer<Secret> backup_passphrase(const std::string& file, bool for_a_new_one) {
    const bool typed = file.empty() && ::isatty(STDIN_FILENO) == 1;
    auto passphrase =
        file.empty() ? read_secret("passphrase of the backup") : read_secret_file(file);
    if (!passphrase || !for_a_new_one) return passphrase;
    if (passphrase->size() < limits::backup_passphrase_bytes_min)
        return failed(
            fmt::format("a passphrase of at least {} characters is needed: whoever finds "
                        "it out has every grant",
                        limits::backup_passphrase_bytes_min));
    if (!typed) return passphrase;
    const auto again = read_secret("the passphrase once more");
    if (!again) return again.error();
    if (!equal(*passphrase, *again)) return failed("the two are not the same; nothing was written");
    return passphrase;
}

Failure BackupReader::wrong(std::string_view what) const {
    return failed(fmt::format("{}: {}", path_, what));
}

Answer<BackupReader> BackupReader::open(const std::string& path) {
    BackupReader reader(path, UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
    if (!reader.fd_) return failed(fmt::format("can't open {}: {}", path, std::strerror(errno)));
    struct stat info{};
    if (::fstat(reader.fd_.get(), &info) == 0 && info.st_size > limits::backup_bytes_max)
        return reader.wrong(fmt::format("it is larger than any backup can be ({} bytes)",
                                        limits::backup_bytes_max));
    auto header = reader.read(backup::header_bytes);
    if (!header) return header.error();
    const auto form = backup::parse_header(*header);
    if (!form) return reader.wrong(form.error().message);
    reader.header_ = std::move(*header);
    return reader;
}

// As many bytes as there are, up to `bytes`.
Answer<std::string> BackupReader::read(std::size_t bytes) {
    std::string out(bytes, '\0');
    std::size_t size = 0;
    while (size < bytes) {
        const ssize_t n = ::read(fd_.get(), out.data() + size, bytes - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return wrong(std::strerror(errno));
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    out.resize(size);
    return out;
}

Answer<> BackupReader::each(const std::function<Answer<>(std::string_view frame)>& take) {
    if (::lseek(fd_.get(), backup::header_bytes, SEEK_SET) < 0) return wrong(std::strerror(errno));
    for (std::int64_t taken = 0; taken <= limits::backup_bytes_max;) {
        auto head = read(backup::frame_head_bytes);
        if (!head) return head.error();
        if (head->size() < backup::frame_head_bytes)
            return wrong("it is cut off: its end is missing");
        const auto frame = backup::parse_frame_head(*head);
        if (!frame) return wrong("it is damaged: a part has no length that it can have");
        auto sealed = read(frame->sealed_bytes);
        if (!sealed) return sealed.error();
        if (sealed->size() < frame->sealed_bytes) return wrong("it is cut off: its end is missing");
        const Answer<> done = take(*head + *sealed);
        if (!done) return done;
        if (frame->last) {
            auto rest = read(1);
            if (rest && !rest->empty()) return wrong("it is damaged: something follows its end");
            return {};
        }
        taken += static_cast<std::int64_t>(head->size() + sealed->size());
    }
    return wrong("it is larger than any backup can be");
}

Answer<Verified> verify_backup(BackupReader& reader, const Secret& key) {
    Verified verified;
    verified.key = key.copy();
    verified.made_at = backup::parse_header(reader.header())->made_at;
    verified.bytes = backup::header_bytes;
    backup::Chunks chunks(reader.header(), key);
    bool first = true;
    const Answer<> whole = reader.each([&](std::string_view frame) -> Answer<> {
        const auto head = backup::parse_frame_head(frame.substr(0, backup::frame_head_bytes));
        const auto plain = chunks.open(frame.substr(backup::frame_head_bytes), head->last);
        if (!plain) return failed(fmt::format("{}: {}", reader.path(), plain.error().message));
        verified.bytes += frame.size();
        if (std::exchange(first, false))
            verified.contents = backup::parse_contents(plain->view()).value_or(backup::Contents{});
        return {};
    });
    if (!whole) return whole.error();
    return verified;
}

Answer<Verified> verify_backup(const std::string& path, const Secret& passphrase) {
    auto reader = BackupReader::open(path);
    if (!reader) return reader.error();
    const auto key = backup::open_header(reader->header(), passphrase);
    if (!key) return failed(fmt::format("{}: {}", path, key.error().message));
    return verify_backup(*reader, *key);
}

Answer<NewFile> NewFile::create(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0) {
        const auto before = BackupReader::open(path);
        if (!S_ISREG(info.st_mode) || (info.st_size > 0 && !before))
            return failed(fmt::format("{} is there and is no backup; it is not overwritten", path));
    }
    const std::string draft = path + ".part";
    const auto busy = [&] {
        return failed(
            fmt::format("another backup to {} is being made (it writes {}); wait for its "
                        "end, or name another file",
                        path, draft));
    };
    const UniqueFd before(::open(draft.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (before && (!lock(before.get()) || !is_at(before.get(), draft))) return busy();
    (void)::unlink(draft.c_str());  // of a backup that was cut off
    UniqueFd fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd && errno == EEXIST) return busy();
    if (!fd) return failed(fmt::format("can't make {}: {}", draft, std::strerror(errno)));
    if (!lock(fd.get())) return busy();
    return NewFile(path, draft, std::move(fd));
}

NewFile::~NewFile() {
    if (fd_ && is_at(fd_.get(), draft_)) (void)::unlink(draft_.c_str());
}

// Where nothing can be locked (some network file systems) two may have begun at once, and another's
// draft must not take the place of a backup.
Answer<> NewFile::still_there() const {
    if (is_at(fd_.get(), draft_)) return {};
    return failed(fmt::format(
        "{} was removed or made anew by somebody else while this backup was written (by "
        "another backup to the same file?); {} is as it was; run this again",
        draft_, path_));
}

Failure NewFile::failure(std::string_view doing) const {
    return failed(fmt::format("can't {} {}: {}", doing, draft_, std::strerror(errno)));
}

Answer<> NewFile::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure("write");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Answer<> NewFile::sync() {
    if (::fsync(fd_.get()) != 0) return failure("sync");
    return still_there();
}

Answer<> NewFile::take_place() {
    if (const Answer<> ours = still_there(); !ours) return ours;
    if (::rename(draft_.c_str(), path_.c_str()) != 0) return failure("rename");
    fd_.reset();
    const auto slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    const UniqueFd open_folder(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!open_folder || ::fsync(open_folder.get()) != 0) return failure("make durable");
    return {};
}

}  // namespace tb::cli
