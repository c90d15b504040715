// The file of the audit: rows in, the oldest out, pages of them back. Used by one thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <span>

#include "base/limits.hpp"
#include "storage/audit_store.hpp"
#include "storage/database.hpp"

namespace tb::storage {

class AuditDatabase {
  public:
    static constexpr std::int64_t pages_max = limits::audit_file_bytes_max / 4096;
    static Result<std::unique_ptr<AuditDatabase>> open(const std::string& path,
                                                       std::size_t rows_max);
    // All of them or none. A file at its bound drops old rows to take them.
    Result<void> append(std::span<const AuditRow> rows);
    Result<AuditPage> read(const AuditQuery& query);
    // What is written so far survives a power cut after this.
    bool sync();

  private:
    AuditDatabase(std::unique_ptr<Database> database, std::size_t rows_max);
    Result<void> insert(std::span<const AuditRow> rows);
    Result<void> make_room();
    bool at_its_bound();
    Result<void> count();
    void trim(int kind);
    std::int64_t most_of(int kind) const;
    Error failed();

    std::unique_ptr<Database> database_;
    std::size_t rows_max_;
    // Rows by kind and uid (-1: none): the uid with the most loses its oldest.
    std::array<std::map<std::int64_t, std::int64_t>, audit_kinds> rows_;
    std::array<std::int64_t, audit_kinds> total_{};
    bool full_ = false;  // the last insert found no page within the file's own bound
    std::unique_ptr<Statement> insert_;
    std::unique_ptr<Statement> drop_;
};

}  // namespace tb::storage
