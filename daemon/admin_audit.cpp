// ReadAudit: one page, or (with more) all of them and then each new row. The brain only turns one
// page after the other into JSON, when the client has taken the one before.
#include <utility>

#include "base/limits.hpp"
#include "daemon/admin_service.hpp"
#include "daemon/arguments.hpp"
#include "daemon/errors.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {
namespace {

std::string_view kind_name(storage::AuditKind kind) {
    switch (kind) {
        case storage::AuditKind::hand_out:
            return "hand_out";
        case storage::AuditKind::refusal:
            return "refusal";
        case storage::AuditKind::admin:
            return "admin";
        case storage::AuditKind::grant:
            break;
    }
    return "grant";
}

boost::json::object to_json(const storage::AuditRow& row) {
    boost::json::object out;
    out["id"] = row.id;
    out["at_ms"] = to_ms(row.wall);
    out["boot_ms"] = to_ms(row.boot);
    out["kind"] = kind_name(row.kind);
    out["verdict"] = row.verdict;
    out["count"] = row.count;
    if (!row.method.empty()) out["method"] = row.method;
    if (!row.account.empty()) out["account"] = row.account;
    if (row.uid) out["uid"] = *row.uid;
    if (row.gid) out["gid"] = *row.gid;
    if (row.pid) out["pid"] = *row.pid;
    if (!row.unit.empty()) out["unit"] = row.unit;
    if (!row.exe.empty()) out["exe"] = row.exe;
    if (row.generation) out["generation"] = *row.generation;
    if (!row.detail.empty()) out["detail"] = row.detail;
    return out;
}

std::string frame_of(const storage::AuditPage& page, const storage::AuditStore& store,
                     bool continues) {
    boost::json::object reply;
    boost::json::array rows;
    for (const storage::AuditRow& row : page.rows)
        rows.emplace_back(to_json(row));
    reply["rows"] = std::move(rows);
    if (page.more && !page.rows.empty()) reply["next"] = page.rows.back().id;
    reply["dropped"] = store.dropped();
    return proto::make_reply(reply, continues);
}

}  // namespace

void AdminService::read_audit(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    auto reader = std::make_shared<AuditReader>();
    storage::AuditQuery& query = reader->query;
    query.rows_max = limits::audit_page_rows_max;
    query.after = arguments.integer("after", 0, INT64_MAX).value_or(0);
    query.newest = static_cast<std::size_t>(arguments.integer("newest", 0, INT32_MAX).value_or(0));
    if (const auto since = arguments.integer("since_ms", 0, INT64_MAX))
        query.since = wall_from_ms(*since);
    query.account = arguments.optional_text("account", limits::account_name_bytes_max).value_or("");
    if (const auto uid = arguments.integer("uid", 0, UINT32_MAX))
        query.uid = static_cast<std::uint32_t>(*uid);
    query.refused = arguments.boolean("refused").value_or(false);
    reader->follow = arguments.boolean("follow").value_or(false);
    reader->more = call.more;
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    if (reader->follow && !call.more) {
        connection.out() += ipc::expected_more();
        return;
    }
    const auto refuse = [&](std::string_view why) {
        connection.out() += proto::make_error("io.tokenbroker.admin.Refused", {{"reason", why}});
    };
    if (audit_.store() == nullptr) return refuse("this daemon keeps no audit");
    if (stopping_ || audit_readers_ >= limits::audit_readers_max)
        return refuse("too many read the audit just now; end one of them");
    ++audit_readers_;
    reader->pending = connection.defer();
    reader->pending->on_gone([this, reader] {
        reader->gone = true;
        audit_.changed().notify_all();
    });
    spawn(deps_.brain, "read-audit", stream_audit(std::move(reader)));
}

awaitable<void> AdminService::stream_audit(std::shared_ptr<AuditReader> reader) {
    storage::AuditQuery& query = reader->query;
    for (bool last = false; !last && !reader->gone;) {
        const std::uint64_t writes = audit_.writes();
        Result<storage::AuditPage> page = co_await audit_.store()->read(query);
        if (!page) {
            reader->pending->finish(admin_error({}, page.error()));
            break;
        }
        query.newest = 0;
        if (!page->rows.empty()) query.after = page->rows.back().id;
        last = !reader->more || stopping_ || (!page->more && !reader->follow);
        const std::string frame = frame_of(*page, *audit_.store(), !last);
        if (last) {
            reader->pending->finish(frame);
            break;
        }
        if (!page->rows.empty()) reader->pending->stream(frame);
        reader->drained = false;
        reader->pending->on_drained([this, reader] {
            reader->drained = true;
            audit_.changed().notify_all();
        });
        const bool whole = !page->more;
        const auto wait = [&] { return !reader->drained || (whole && audit_.writes() == writes); };
        while (!reader->gone && !stopping_ && wait())
            co_await audit_.changed().wait();
    }
    reader->pending.reset();
    --audit_readers_;
    enrolment_ended_.notify_all();
}

}  // namespace tb::daemon
