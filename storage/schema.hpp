// The tables, as a list of numbered steps. Step N brings a database from user_version N-1 to N; a
// step that was ever released is never edited, only followed by another.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "storage/database.hpp"

namespace tb::storage {

inline constexpr std::int64_t application_id = 0x746f6b62;  // "tokb"

std::span<const std::string_view> schema_steps();

// Runs the steps the database hasn't seen, each in a transaction of its own with its number.
Result<void> migrate(Database& database, std::span<const std::string_view> steps);

}  // namespace tb::storage
