// What of a folder's files is surely on the disk, and what may be: the content each sector had at
// the last successful sync of its file, and every content it was given since. A power cut leaves
// any of these in each sector, whatever became of its neighbours, and any of the sizes the file
// had. After a failed sync the system thinks those sectors clean: a later sync makes nothing of
// them durable, until they are written again.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tb::storage::test {

class FileModel {
  public:
    FileModel() = default;
    explicit FileModel(std::string on_disk)
        : durable_(std::move(on_disk)), size_(durable_.size()) {}

    void write(std::size_t offset, std::string_view bytes);
    void truncate(std::size_t size);
    void synced();
    void sync_failed() { dirty_.clear(); }
    // Zeros that somebody else appended and synced.
    void extended(std::size_t size);
    std::size_t size() const { return size_; }

    enum class Cut { nothing_more, everything, random };
    std::string after_cut(Cut cut, std::mt19937& choose) const;

  private:
    static constexpr std::size_t sector = 512;
    std::string durable_of(std::size_t index) const;

    std::string durable_;
    std::size_t size_ = 0;
    std::map<std::size_t, std::vector<std::string>> maybe_;  // by sector: since it was durable
    std::set<std::size_t> dirty_;
    std::vector<std::size_t> sizes_;  // since the last successful sync
};

// Names come and go durably when a file that was made is synced for the first time.
class DiskModel {
  public:
    void opened(const std::string& path, bool was_there);
    void removed(const std::string& path, bool durably);
    FileModel* find(const std::string& path);
    void folder_synced();
    // Paths and contents as a power cut leaves them.
    std::map<std::string, std::string> after_cut(FileModel::Cut cut, std::mt19937& choose) const;

  private:
    using Names = std::map<std::string, std::shared_ptr<FileModel>>;
    Names now_;
    Names durable_;
};

}  // namespace tb::storage::test
