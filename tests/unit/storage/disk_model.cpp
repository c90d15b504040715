// See the header for the rules. A sector's candidates are whole contents, so that a write of a part
// of a sector keeps what was there.
#include "disk_model.hpp"

#include <algorithm>

#include "fixture.hpp"

namespace tb::storage::test {

std::string FileModel::durable_of(std::size_t index) const {
    std::string out(sector, '\0');
    const std::size_t from = index * sector;
    if (from < durable_.size()) durable_.copy(out.data(), sector, from);
    return out;
}

void FileModel::write(std::size_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t index = offset / sector;
        const std::size_t within = offset % sector;
        const std::size_t n = std::min(bytes.size(), sector - within);
        auto& candidates = maybe_[index];
        std::string content = candidates.empty() ? durable_of(index) : candidates.back();
        content.replace(within, n, bytes.substr(0, n));
        candidates.push_back(std::move(content));
        dirty_.insert(index);
        offset += n;
        bytes.remove_prefix(n);
    }
    if (offset > size_) {
        size_ = offset;
        sizes_.push_back(size_);
    }
}

void FileModel::truncate(std::size_t size) {
    if (size == size_) return;
    const std::size_t first_gone = (size + sector - 1) / sector;
    for (auto& [index, candidates] : maybe_)
        if (index >= first_gone) candidates.push_back(std::string(sector, '\0'));
    for (std::size_t index = first_gone; index * sector < size_; ++index) {
        auto& candidates = maybe_[index];
        if (candidates.empty()) candidates.push_back(std::string(sector, '\0'));
        dirty_.insert(index);
    }
    size_ = size;
    sizes_.push_back(size_);
}

void FileModel::synced() {
    for (const std::size_t index : dirty_) {
        const std::string& content = maybe_.at(index).back();
        if (durable_.size() < (index + 1) * sector) durable_.resize((index + 1) * sector);
        durable_.replace(index * sector, sector, content);
        maybe_.erase(index);
    }
    durable_.resize(size_);
    dirty_.clear();
    sizes_.clear();
}

void FileModel::extended(std::size_t size) {
    durable_.resize(size);
    size_ = size;
}

std::string FileModel::after_cut(Cut cut, std::mt19937& choose) const {
    std::string image = durable_;
    if (cut != Cut::nothing_more && !sizes_.empty()) {
        const std::size_t which =
            cut == Cut::everything ? sizes_.size() : choose() % (sizes_.size() + 1);
        if (which > 0) image.resize(sizes_[which - 1]);
    }
    if (cut == Cut::nothing_more) return image;
    for (const auto& [index, candidates] : maybe_) {
        const std::size_t from = index * sector;
        if (from >= image.size()) continue;
        const std::size_t which =
            cut == Cut::everything ? candidates.size() : choose() % (candidates.size() + 1);
        if (which == 0) continue;
        image.replace(from, std::min(sector, image.size() - from), candidates[which - 1], 0,
                      std::min(sector, image.size() - from));
    }
    return image;
}

void DiskModel::opened(const std::string& path, bool was_there) {
    if (now_.contains(path)) return;
    auto file = std::make_shared<FileModel>(slurp(path));
    now_[path] = file;
    if (was_there) durable_[path] = file;
}

void DiskModel::removed(const std::string& path, bool durably) {
    now_.erase(path);
    if (durably) folder_synced();
}

FileModel* DiskModel::find(const std::string& path) {
    const auto found = now_.find(path);
    return found == now_.end() ? nullptr : found->second.get();
}

void DiskModel::folder_synced() {
    durable_ = now_;
}

std::map<std::string, std::string> DiskModel::after_cut(FileModel::Cut cut,
                                                        std::mt19937& choose) const {
    Names names = cut == FileModel::Cut::everything ? now_ : durable_;
    if (cut == FileModel::Cut::random) {
        for (const auto& [path, file] : now_)
            if (!names.contains(path) || (names[path] != file && choose() % 2 == 0))
                if (choose() % 2 == 0) names[path] = file;
        for (const auto& [path, file] : durable_)
            if (!now_.contains(path) && choose() % 2 == 0) names.erase(path);
    }
    std::map<std::string, std::string> out;
    for (const auto& [path, file] : names)
        out[path] = file->after_cut(cut, choose);
    return out;
}

}  // namespace tb::storage::test
