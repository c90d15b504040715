// See audit.hpp. Here is what happens off the warm path: first hand-outs, refusals within their
// budget, and the rows that stand for what was over it.
#include "daemon/audit.hpp"

#include <utility>

#include "daemon/account_name.hpp"

namespace tb::daemon {

using storage::AuditKind;
using storage::AuditRow;

Audit::Audit(const Deps& deps) : deps_(deps), changed_(deps.brain) {
    if (deps_.audit == nullptr) return;
    deps_.audit->on_written([this] {
        ++writes_;
        changed_.notify_all();
    });
}

Audit::~Audit() {
    if (deps_.audit != nullptr) deps_.audit->on_written({});
    if (timer_ != 0) deps_.clock.cancel(timer_);
}

void Audit::first(const Key& key, const ipc::Caller& caller, const Witnessed* witnessed,
                  const Account& account, std::uint64_t generation, BootTime now,
                  std::string_view method) {
    if (callers_.size() >= limits::audit_callers_max) callers_.clear();
    const std::uint64_t before = std::exchange(callers_[key], Known{now, 0}).count;
    if (!admit(caller.uid, AuditKind::hand_out)) return;
    AuditRow row = row_of(AuditKind::hand_out, caller, witnessed, &account);
    row.verdict = method == "WatchTokens" ? "watching" : "handed_out";
    row.method = method;
    row.account = account.name;
    row.generation = static_cast<std::int64_t>(generation);
    if (before > 0) row.detail = fmt::format("and {} more since its last row", before);
    put(std::move(row));
}

AuditRow Audit::row_of(AuditKind kind, const ipc::Caller& caller, const Witnessed* witnessed,
                       const Account* account) const {
    AuditRow row;
    row.kind = kind;
    row.uid = caller.uid;
    row.gid = caller.gid;
    if (caller.pid > 0) row.pid = caller.pid;
    if (witnessed == nullptr) return row;
    row.unit = witnessed->unit.empty() ? witnessed->cgroup : witnessed->unit;
    if (!witnessed->sha256.empty()) row.exe = "sha256:" + witnessed->sha256;
    if (!witnessed->exe) return row;
    row.exe = fmt::format("device {} inode {}", witnessed->exe->device, witnessed->exe->inode);
    if (account == nullptr) return row;
    for (const AccessRule* rule : account->rules)
        for (const Selector& selector : rule->allow)
            if (selector.exe == witnessed->exe) row.exe = selector.exe_path;
    return row;
}

void Audit::put(AuditRow row) {
    if (deps_.audit == nullptr || closed_) return;
    row.wall = deps_.clock.wall();
    row.boot = deps_.clock.now();
    (void)deps_.audit->put(std::move(row));  // what it drops, it counts
}

bool Audit::admit(uid_t uid, AuditKind kind) {
    if (deps_.audit == nullptr || closed_) return false;
    // Uids beyond the limit (those of a user's own namespaces, say) share one minute.
    if (minutes_.size() >= limits::audit_uids_max && !minutes_.contains(uid)) uid = ipc::nobody_id;
    auto [place, begins] = minutes_.try_emplace(uid);
    Minute& minute = place->second;
    if (begins) {
        minute.since = deps_.clock.now();
        arm();
    }
    if (minute.rows < limits::audit_rows_per_uid_per_minute) {
        ++minute.rows;
        return true;
    }
    ++minute.more[static_cast<std::size_t>(kind)];
    return false;
}

void Audit::arm() {
    if (timer_ != 0) return;
    const auto wake = [this] {
        timer_ = 0;
        end_minutes(false);
        if (!minutes_.empty()) arm();
    };
    timer_ = deps_.clock.call_at(deps_.clock.now() + Millis{60'000}, wake);
}

void Audit::end_minutes(bool all) {
    const BootTime now = deps_.clock.now();
    for (auto it = minutes_.begin(); it != minutes_.end();) {
        const auto& [uid, minute] = *it;
        if (!all && now - minute.since < Millis{60'000}) {
            ++it;
            continue;
        }
        for (const AuditKind kind : {AuditKind::hand_out, AuditKind::refusal}) {
            const std::int64_t more = minute.more[static_cast<std::size_t>(kind)];
            if (more == 0) continue;
            AuditRow row;
            row.kind = kind;
            row.uid = uid;
            row.verdict = "more";
            row.count = more;
            row.detail = fmt::format("and {} more {} of this uid in the minute before", more,
                                     kind == AuditKind::refusal ? "refusals" : "first hand-outs");
            put(std::move(row));
        }
        it = minutes_.erase(it);
    }
}

void Audit::admin(const ipc::Caller* caller, std::string_view method, std::string_view what,
                  bool done, std::string_view detail) {
    AuditRow row;
    if (caller != nullptr) row = row_of(AuditKind::admin, *caller, nullptr, nullptr);
    row.kind = AuditKind::admin;
    row.verdict = done ? "done" : "failed";
    row.method = method;
    row.account = what;
    row.detail = detail;
    put(std::move(row));
}

void Audit::grant(std::string_view account, std::string_view verdict, std::string_view detail,
                  std::uint64_t generation) {
    AuditRow row;
    row.kind = AuditKind::grant;
    row.verdict = verdict;
    row.account = account;
    row.detail = detail;
    row.generation = static_cast<std::int64_t>(generation);
    put(std::move(row));
}

awaitable<void> Audit::close() {
    if (deps_.audit == nullptr || closed_) co_return;
    end_minutes(true);
    if (timer_ != 0) deps_.clock.cancel(std::exchange(timer_, 0));
    admin(nullptr, "stop", {}, true,
          fmt::format("{} hand-outs and {} refusals since the start", hand_outs_, refusals_));
    closed_ = true;
    co_await deps_.audit->close();
}

std::string shown_name(const Config& config, std::string_view asked) {
    if (!check_account_name(asked)) return "(no name)";
    if (!config.clients.contains(std::string(client_of(asked)))) return "(unknown client)";
    return std::string(asked);
}

}  // namespace tb::daemon
