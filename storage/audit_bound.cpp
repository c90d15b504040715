// Every kind of row has its share of the table, and within a share the uid that holds the most
// rows loses its oldest first: a flood displaces itself. What is full stays full: pages of dropped
// rows are used again, so the file stops growing.
#include <algorithm>
#include <vector>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "storage/audit_database.hpp"

namespace tb::storage {
namespace {

constexpr std::int64_t pages_of_a_batch = 1024;  // of rows with every text at its longest, twice
constexpr std::int64_t pages_to_free = 2 * pages_of_a_batch;
constexpr std::string_view shares_by_bytes =
    "SELECT kind, uid, count(*), sum(length(CAST(verdict || method || account || unit || exe || "
    "detail AS BLOB))) AS bytes FROM audit GROUP BY kind, uid ORDER BY bytes DESC";

}  // namespace

std::int64_t AuditDatabase::most_of(int kind) const {
    const bool of_callers = kind == static_cast<int>(AuditKind::hand_out) ||
                            kind == static_cast<int>(AuditKind::refusal);
    return static_cast<std::int64_t>(of_callers ? rows_max_
                                                : std::max<std::size_t>(rows_max_ / 4, 1));
}

void AuditDatabase::trim(int kind) {
    auto& by_uid = rows_[static_cast<std::size_t>(kind)];
    std::int64_t& total = total_[static_cast<std::size_t>(kind)];
    while (total > most_of(kind) && database_->failure() == nullptr) {
        const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
        const auto largest = std::ranges::max_element(by_uid, less);
        TB_ASSERT(largest != by_uid.end());
        std::int64_t second = 0;
        for (const auto& [uid, n] : by_uid)
            if (uid != largest->first) second = std::max(second, n);
        const std::int64_t excess = total - most_of(kind);
        const std::int64_t n =
            std::min(excess, std::max<std::int64_t>(largest->second - second, 1));
        std::optional<std::int64_t> uid;
        if (largest->first >= 0) uid = largest->first;
        drop_->run(kind, uid, n);
        total -= n;
        largest->second -= n;
        if (largest->second <= 0) by_uid.erase(largest);
    }
}

// Rows are bounded, but what an earlier version wrote may not be, nor what a later one adds: a file
// that is full in bytes before its shares are in rows would take no row ever again.
Result<void> AuditDatabase::append(std::span<const AuditRow> rows) {
    Result<void> done = insert(rows);
    if (done || !full_) return done;
    if (const auto made = make_room(); !made) return made;
    return insert(rows);
}

// Whoever holds most bytes loses the oldest quarter of its rows, then the next, until enough pages
// are free.
Result<void> AuditDatabase::make_room() {
    struct Share {
        std::int64_t kind;
        std::optional<std::int64_t> uid;
        std::int64_t rows;
    };
    std::vector<Share> shares;
    database_->run("BEGIN IMMEDIATE");
    {
        Statement statement(*database_, shares_by_bytes);
        Cursor cursor = statement.with();
        while (cursor.next())
            shares.push_back({cursor.integer(0), cursor.optional_integer(1), cursor.integer(2)});
    }
    for (const Share& share : shares) {
        drop_->run(share.kind, share.uid, (share.rows + 3) / 4);
        if (database_->integer("PRAGMA freelist_count").value_or(0) >= pages_to_free) break;
    }
    database_->run("COMMIT");
    if (database_->failure() != nullptr) return failed();
    return count();
}

// A full disk is told the same way, and history that is dropped would not help it.
bool AuditDatabase::at_its_bound() {
    const auto pages = database_->integer("PRAGMA page_count");
    database_->clear_failure();
    return pages.value_or(0) + pages_of_a_batch >= pages_max;
}

}  // namespace tb::storage
