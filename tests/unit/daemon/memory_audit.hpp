// An AuditStore that keeps its rows in memory, for tests.
#pragma once

#include <vector>

#include "storage/audit_store.hpp"

namespace tb::test {

class MemoryAudit final : public storage::AuditStore {
  public:
    bool put(storage::AuditRow row) override {
        if (closed) return false;
        row.id = static_cast<std::int64_t>(rows.size()) + 1;
        rows.push_back(std::move(row));
        if (written_) written_();
        return true;
    }
    awaitable<Result<storage::AuditPage>> read(storage::AuditQuery query) override {
        storage::AuditPage page;
        for (const storage::AuditRow& row : rows) {
            if (row.id <= query.after || (query.uid && row.uid != query.uid)) continue;
            if (query.refused && row.kind != storage::AuditKind::refusal) continue;
            if (!query.account.empty() && row.account != query.account) continue;
            page.more = page.rows.size() == query.rows_max;
            if (page.more) break;
            page.rows.push_back(row);
        }
        co_return page;
    }
    void on_written(std::function<void()> callback) override { written_ = std::move(callback); }
    std::uint64_t dropped() const override { return 0; }
    awaitable<void> close() override {
        closed = true;
        co_return;
    }

    std::vector<storage::AuditRow> of(storage::AuditKind kind) const {
        std::vector<storage::AuditRow> out;
        for (const storage::AuditRow& row : rows)
            if (row.kind == kind) out.push_back(row);
        return out;
    }

    std::vector<storage::AuditRow> rows;
    bool closed = false;

  private:
    std::function<void()> written_;
};

}  // namespace tb::test
