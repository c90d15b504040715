// Backup files and their passphrases, as the commands backup and restore use them.
#pragma once

#include <functional>
#include <string>

#include "base/backup_file.hpp"
#include "base/secret.hpp"
#include "base/unique_fd.hpp"
#include "cli/answer.hpp"

namespace tb::cli {

// From the file, else from standard input; on a terminal without echo, and for a new one twice.
Answer<Secret> backup_passphrase(const std::string& file, bool for_a_new_one);

// A file for reading, chunk by chunk.
class BackupReader {
  public:
    static Answer<BackupReader> open(const std::string& path);
    const std::string& header() const { return header_; }
    const std::string& path() const { return path_; }
    // Each chunk with its length in front, from the first to the last; fails if the file ends
    // before or goes on after it.
    Answer<> each(const std::function<Answer<>(std::string_view frame)>& take);

  private:
    BackupReader(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    Answer<std::string> read(std::size_t bytes);
    Failure wrong(std::string_view what) const;

    std::string path_;
    UniqueFd fd_;
    std::string header_;
};

// What a file holds, once every byte of it was checked.
struct Verified {
    Secret key;
    WallTime made_at;
    backup::Contents contents;
    std::uint64_t bytes = 0;
};
Answer<Verified> verify_backup(const std::string& path, const Secret& passphrase);
// With the key at hand.
Answer<Verified> verify_backup(BackupReader& reader, const Secret& key);

// A file that takes another's place only when it is whole and durable: 0600, in the same folder.
// While it is written nobody else begins one for the same place.
class NewFile {
  public:
    static Answer<NewFile> create(const std::string& path);
    ~NewFile();
    NewFile(NewFile&& other) noexcept = default;
    Answer<> write(std::string_view bytes);
    Answer<> sync();
    Answer<> take_place();
    const std::string& draft() const { return draft_; }

  private:
    NewFile(std::string path, std::string draft, UniqueFd fd)
        : path_(std::move(path)), draft_(std::move(draft)), fd_(std::move(fd)) {}
    Failure failure(std::string_view doing) const;
    Answer<> still_there() const;

    std::string path_;
    std::string draft_;
    UniqueFd fd_;
};

}  // namespace tb::cli
