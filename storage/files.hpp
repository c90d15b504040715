// The few things done with files of the state folder beside SQLite.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace tb::storage {

// "cannot open /x/y: Permission denied" with errno's text.
Error file_error(errc code, std::string_view doing, std::string_view path, int error_number);

// Whole files only, of at most `bytes_max`.
Result<std::string> read_file(int fd, std::string_view path, std::size_t bytes_max);
Result<void> write_all(int fd, std::string_view path, std::string_view bytes);
// Makes created, linked and renamed names in it durable.
Result<void> sync_folder(const std::string& path);

// 0: it is not there.
std::int64_t bytes_of(const std::string& path);

// A folder that is ours and that nobody else can write.
Result<void> check_state_dir(const std::string& path);

}  // namespace tb::storage
