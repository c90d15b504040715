// Files and folders of the configuration. Judged by fstat of what was opened, so nothing can be
// swapped between the look and the reading. Hidden files and other endings are ignored: editors
// leave them.
#include "daemon/config_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/limits.hpp"
#include "base/unique_fd.hpp"

namespace tb::daemon {
namespace {

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

// False: others than root and ourselves could change it.
bool trusted(const std::string& path, const struct stat& status, MistakeList& mistakes) {
    if (status.st_uid != 0 && status.st_uid != geteuid()) {
        mistakes.add(path, fmt::format("belongs to uid {}, and decides who gets tokens; run: "
                                       "chown root {}",
                                       status.st_uid, path));
        return false;
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        mistakes.add(path, fmt::format("can be written by others (mode {:04o}), and decides who "
                                       "gets tokens; run: chmod go-w {}",
                                       status.st_mode & 07777U, path));
        return false;
    }
    return true;
}

bool trusted_directory(const std::string& path, MistakeList& mistakes) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return true;  // the file in it will say so
    return trusted(path, status, mistakes);
}

bool read_all(int fd, std::size_t most, std::string& into) {
    into.resize(most + 1);
    std::size_t filled = 0;
    while (filled < into.size()) {
        const ssize_t n = ::read(fd, into.data() + filled, into.size() - filled);
        if (n < 0) return false;
        if (n == 0) break;
        filled += static_cast<std::size_t>(n);
    }
    into.resize(filled);
    return true;
}

void read_file(const std::string& path, std::vector<SourceFile>& into, MistakeList& mistakes) {
    // O_NONBLOCK: a fifo of that name must not hang the start.
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat status{};
    if (!fd || fstat(fd.get(), &status) != 0) {
        mistakes.add(path, fmt::format("can't be read ({}); write it, make it readable, or name "
                                       "the right file",
                                       strerror(errno)));
        return;
    }
    if (!S_ISREG(status.st_mode)) {
        mistakes.add(path, "is not a regular file; put a TOML file there");
        return;
    }
    if (!trusted(path, status, mistakes)) return;
    SourceFile file{path, {}};
    if (!read_all(fd.get(), limits::config_file_bytes_max, file.text)) {
        mistakes.add(path, fmt::format("can't be read ({})", strerror(errno)));
        return;
    }
    if (file.text.size() > limits::config_file_bytes_max) {
        mistakes.add(path, fmt::format("is larger than {} bytes; split it into files in conf.d",
                                       limits::config_file_bytes_max));
        return;
    }
    into.push_back(std::move(file));
}

std::vector<std::string> list_conf_d(const std::string& directory, MistakeList& mistakes) {
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), closedir);
    if (!listing) {
        if (errno != ENOENT)
            mistakes.add(directory, fmt::format("can't be read ({}); make it a folder that this "
                                                "daemon may read",
                                                strerror(errno)));
        return {};
    }
    std::vector<std::string> names;
    while (const dirent* entry = readdir(listing.get())) {
        const std::string_view name = entry->d_name;
        if (name.front() != '.' && name.ends_with(".toml")) names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace

std::vector<SourceFile> read_config_files(const std::string& main_file, MistakeList& mistakes) {
    std::vector<SourceFile> files;
    const std::string directory = directory_of(main_file);
    if (!trusted_directory(directory, mistakes)) return files;
    read_file(main_file, files, mistakes);

    const std::string conf_d = directory + "/conf.d";
    if (!trusted_directory(conf_d, mistakes)) return files;
    const std::vector<std::string> names = list_conf_d(conf_d, mistakes);
    if (names.size() > limits::config_files_max) {
        mistakes.add(conf_d, fmt::format("has {} .toml files; at most {} are read, put more into "
                                         "each",
                                         names.size(), limits::config_files_max));
        return files;
    }
    for (const std::string& name : names)
        read_file(conf_d + "/" + name, files, mistakes);
    return files;
}

}  // namespace tb::daemon
