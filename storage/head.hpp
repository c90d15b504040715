// The head record: one sealed row that knows which rows there are. Each hashed row has an element,
// 16 bytes that only the key holder can compute and that are stored nowhere; the head keeps their
// XOR, so a transaction pays for the rows it changes and a load checks all of them. Nobody without
// the key can put rows together whose elements give the same sum, since he sees neither.
// What it can't see: a whole older file put back, head and all. That is out of scope: it would take
// a counter outside of the file, and there is none here that survives the same act.
#pragma once

#include <cstdint>

#include "storage/database.hpp"
#include "storage/seal.hpp"

namespace tb::storage {

class Sum {
  public:
    // Adds a row's element, or takes it away again.
    void toggle(const Half& element);
    friend bool operator==(const Sum&, const Sum&) = default;
    const Half& bytes() const { return bytes_; }

  private:
    Half bytes_{};
};

struct Head {
    std::uint64_t commits = 0;  // of the whole life of the database: tells two heads apart
    Sum sum;
    friend bool operator==(const Head&, const Head&) = default;
};

Result<Head> read_head(Database& database, Sealer& sealer);
// Inside the caller's transaction; a failure sticks to the database. `statement` is write_head_sql.
inline constexpr std::string_view write_head_sql =
    "INSERT INTO head(id, head_sealed) VALUES(1, ?1) "
    "ON CONFLICT(id) DO UPDATE SET head_sealed = excluded.head_sealed";
void write_head(Statement& statement, Sealer& sealer, const Head& head);

}  // namespace tb::storage
