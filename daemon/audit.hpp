// The audit: the first hand-out to each caller, every refusal, every operator's act, and what
// became of grants, as rows in an AuditStore. A caller is who a rule can tell apart: uid, gid and
// what a rule had read of it (unit, executable), for one account. Not the connection or the pid: a
// script makes a new one for each call, and they would tell no more apart. One that goes on has a
// row a day. Never here: a token, or anything that a stranger wrote but a name that could be one.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <string>
#include <string_view>

#include "daemon/account.hpp"
#include "daemon/caller_facts.hpp"
#include "daemon/deps.hpp"
#include "daemon/huge_array.hpp"
#include "storage/audit_store.hpp"

namespace tb::daemon {

class Audit {
  public:
    explicit Audit(const Deps& deps);  // deps.audit may be null: then it only counts
    ~Audit();
    Audit(const Audit&) = delete;
    Audit& operator=(const Audit&) = delete;

    // On the warm path: a counter and one look-up, unless the caller is new.
    void handed_out(const ipc::Caller& caller, const Witnessed* witnessed, const Account& account,
                    std::uint64_t generation, BootTime now, std::string_view method) {
        ++hand_outs_;
        const Key key{account.id, caller.uid, caller.gid, fingerprint(witnessed, method)};
        const auto known = callers_.find(key);
        if (known != callers_.end() && now - known->second.since < limits::audit_again_ms) {
            ++known->second.count;
            return;
        }
        first(key, caller, witnessed, account, generation, now, method);
    }
    // `why`: which rules were considered; made only if the row is written.
    template <class Why>
    void refused(const ipc::Caller& caller, const Witnessed* witnessed, std::string_view account,
                 std::string_view method, Why why) {
        ++refusals_;
        if (!admit(caller.uid, storage::AuditKind::refusal)) return;
        storage::AuditRow row = row_of(storage::AuditKind::refusal, caller, witnessed, nullptr);
        row.verdict = "refused";
        row.method = method;
        row.account = account;
        row.detail = why();
        put(std::move(row));
    }
    // An operator's act, done or not. caller: nullptr = the daemon's own doing (a signal, a start).
    void admin(const ipc::Caller* caller, std::string_view method, std::string_view what, bool done,
               std::string_view detail);
    // The fate of a grant: login_required, lost_rotation, outcome_unknown, not_replaced, ...
    void grant(const Account& account, std::string_view verdict, std::string_view detail) {
        grant(account.name, verdict, detail, account.newest_generation);
    }
    void grant(std::string_view account, std::string_view verdict, std::string_view detail,
               std::uint64_t generation);

    std::uint64_t hand_outs() const { return hand_outs_; }
    std::uint64_t refusals() const { return refusals_; }

    // --- for readers (admin_audit.cpp) ---
    storage::AuditStore* store() const { return deps_.audit; }
    Event& changed() { return changed_; }  // rows were written, or a reader's state changed
    std::uint64_t writes() const { return writes_; }

    // What is only counted so far becomes rows. The last of them says that the daemon stops.
    awaitable<void> close();

  private:
    struct Key {
        storage::AccountId account;
        uid_t uid;
        gid_t gid;
        std::uint64_t facts;
        bool operator==(const Key&) const = default;
        friend std::size_t hash_value(const Key& key) {
            std::uint64_t h = static_cast<std::uint64_t>(key.account) * 0x9e3779b97f4a7c15ULL;
            h ^= (std::uint64_t{key.uid} << 32 | key.gid) + (h << 6) + (h >> 2);
            return static_cast<std::size_t>((h ^ key.facts) * 0xff51afd7ed558ccdULL);
        }
    };
    struct Known {
        BootTime since{};
        std::uint64_t count = 0;  // hand-outs since, after the first
    };
    // The rows of one uid within a minute.
    struct Minute {
        BootTime since{};
        int rows = 0;
        std::int64_t more[storage::audit_kinds] = {};
    };

    static std::uint64_t fingerprint(const Witnessed* witnessed, std::string_view method) {
        const std::uint64_t of_method = method.size();  // GetToken, WatchTokens: told by length
        return witnessed == nullptr ? of_method : of_method ^ witnessed->hash();
    }
    void first(const Key& key, const ipc::Caller& caller, const Witnessed* witnessed,
               const Account& account, std::uint64_t generation, BootTime now,
               std::string_view method);
    bool admit(uid_t uid, storage::AuditKind kind);
    storage::AuditRow row_of(storage::AuditKind kind, const ipc::Caller& caller,
                             const Witnessed* witnessed, const Account* account) const;
    void put(storage::AuditRow row);
    void arm();
    void end_minutes(bool all);

    const Deps& deps_;
    Event changed_;
    std::uint64_t writes_ = 0;
    std::uint64_t hand_outs_ = 0;
    std::uint64_t refusals_ = 0;
    boost::unordered_flat_map<Key, Known, boost::hash<Key>, std::equal_to<Key>,
                              HugeArray<std::pair<const Key, Known>>>
        callers_;
    std::map<uid_t, Minute> minutes_;
    Clock::TimerId timer_ = 0;
    bool closed_ = false;
};

// The account's name as the audit may show it: one that could be a name of a client that exists.
// Anything else that a caller wrote may be a secret in the wrong place.
std::string shown_name(const Config& config, std::string_view asked);

}  // namespace tb::daemon
