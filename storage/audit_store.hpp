// The AuditStore seam: who was handed what, who was refused, what operators did, what became of
// grants. Rows hold no secret. Losing a row is bad, keeping a renewal waiting is worse: so a row is
// put without waiting, and what can't be kept is dropped and counted. It never shares a file or a
// thread with the grants.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/time.hpp"

namespace tb::storage {

// Each kind has a share of the table of its own: no caller can push out what operators did.
enum class AuditKind : std::uint8_t { hand_out = 0, refusal = 1, admin = 2, grant = 3 };
inline constexpr int audit_kinds = 4;

struct AuditRow {
    std::int64_t id = 0;  // in the order of events; the store's
    AuditKind kind = AuditKind::hand_out;
    WallTime wall{};
    BootTime boot{};
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
    std::optional<std::int32_t> pid;
    std::optional<std::int64_t> generation;
    std::int64_t count = 1;  // events that this row stands for
    std::string verdict;     // "handed_out", "refused", "more", "done", "failed", ...
    std::string method;
    std::string account;
    std::string unit;  // as a rule had it read for the decision
    std::string exe;
    std::string detail;
};

struct AuditQuery {
    std::int64_t after = 0;  // only ids above it
    std::size_t newest = 0;  // not 0: begin so that at most this many follow
    std::size_t rows_max = 100;
    std::optional<WallTime> since;
    std::optional<std::uint32_t> uid;
    std::string account;  // empty: all
    bool refused = false;
};

struct AuditPage {
    std::vector<AuditRow> rows;
    bool more = false;
};

class AuditStore {
  public:
    virtual ~AuditStore() = default;
    // Never waits. False: it is dropped, and counted.
    virtual bool put(AuditRow row) = 0;
    virtual awaitable<Result<AuditPage>> read(AuditQuery query) = 0;
    // Called on the brain after rows became readable.
    virtual void on_written(std::function<void()> callback) = 0;
    virtual std::uint64_t dropped() const = 0;
    // Everything put before is on the disk when this resumes; what is put after is dropped.
    virtual awaitable<void> close() = 0;
};

struct AuditOptions {
    std::string path;                // audit.db in the state folder
    std::size_t rows_max = 0;        // of hand-outs, and of refusals; 0: limits::audit_rows_max
    std::size_t room_bytes_min = 0;  // 0: limits::audit_room_bytes_min
};

// Blocking. The audit never keeps the daemon from starting: a damaged file is moved aside
// (PATH.damaged) and a new one begun; one that can't be opened (a full disk) is tried again with
// each batch, and rows are dropped and counted until then.
std::unique_ptr<AuditStore> open_audit_store(asio::any_io_executor brain, AuditOptions options,
                                             Log& log);

}  // namespace tb::storage
