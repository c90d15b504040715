// What each change does to the simulated disk. The rules are those of storage/records.hpp.
#include <algorithm>

#include "tests/simulation/sim_store.hpp"

namespace tb::sim {

using namespace storage;

Committed committed(const Row& row) {
    Committed out;
    out.account = row.record.id;
    out.grant_version = row.record.grant_version;
    out.generation = row.record.generation;
    if (row.record.intent) out.attempts = row.record.intent->attempts;
    return out;
}

namespace {
// Applies one change; nullptr rows are not_found.
struct Applier {
    Disk& disk;

    Row* find(AccountId id) const { return disk.find(id); }
    void erase_candidate(AccountId account) const {
        std::erase_if(disk.rows, [&](const auto& entry) {
            if (entry.second.record.candidate_for != account) return false;
            disk.acknowledged.erase(entry.first);
            return true;
        });
    }
    Result<Committed> operator()(AddAccount& change) const {
        if (const auto target = change.account.candidate_for) {
            const Row* account = find(*target);
            if (account == nullptr) return Error{errc::not_found, "gone"};
            const Secret* had = account->grant.find("refresh_token");
            const Secret* given = change.grant.find("refresh_token");
            const bool same = had != nullptr && given != nullptr && had->view() == given->view();
            if (change.must_differ && same && account->record.state != GrantState::login_required)
                return Error{errc::superseded, change.account.name + ": it has this grant already"};
            erase_candidate(*target);
        }
        for (const auto& [id, row] : disk.rows)
            if (row.record.name == change.account.name &&
                row.record.candidate_for == change.account.candidate_for)
                return Error{errc::account_exists, change.account.name};
        Row row;
        row.record = change.account.copy();
        row.record.id = disk.next_id++;
        row.grant = change.grant.copy();
        const Committed out = committed(row);
        disk.rows.emplace(row.record.id, std::move(row));
        return out;
    }
    Result<Committed> operator()(Intend& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        if (row->record.grant_version != change.grant_version)
            return Error{errc::superseded, "newer grant"};
        if (!row->record.intent) row->record.intent = IntentRecord{"", change.at, 0};
        ++row->record.intent->attempts;
        return committed(*row);
    }
    Result<Committed> operator()(Renewed& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        if (row->record.grant_version != change.grant_version)
            return Error{errc::superseded, "newer grant"};
        if (change.new_grant) {
            row->grant = change.new_grant->copy();
            ++row->record.grant_version;
            row->record.grant_obtained_at = change.grant_obtained_at;
        }
        row->record.grant_expires_at = change.grant_expires_at;
        row->record.generation = change.token.generation;
        row->record.token = change.token.copy();
        row->record.intent.reset();
        row->record.state = GrantState::good;
        row->record.reason.clear();
        return committed(*row);
    }
    Result<Committed> operator()(SetState& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        if (row->record.grant_version != change.grant_version)
            return Error{errc::superseded, "newer grant"};
        row->record.state = change.state;
        row->record.reason = change.reason;
        if (change.clear_intent) row->record.intent.reset();
        if (change.retire_grant) row->retired.push_back(row->grant.copy());
        if (change.drop_grant) {
            row->grant = SecretSet();
            ++row->record.grant_version;
            row->record.grant_expires_at.reset();
            row->record.token.reset();
        }
        return committed(*row);
    }
    Result<Committed> operator()(SetPaused& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        row->record.paused = change.paused;
        return committed(*row);
    }
    Result<Committed> operator()(ReplaceGrant& change) const {
        Row* row = find(change.account);
        if (row == nullptr) return Error{errc::not_found, "gone"};
        erase_candidate(change.account);
        row->grant = change.grant.copy();
        ++row->record.grant_version;
        row->record.grant_obtained_at = change.grant_obtained_at;
        row->record.grant_expires_at = change.grant_expires_at;
        row->record.attributes = change.attributes;
        row->record.state = GrantState::good;
        row->record.intent.reset();
        if (change.token) {
            row->record.token = change.token->copy();
            row->record.token->generation =
                std::max(row->record.generation + 1, change.token->generation);
            row->record.generation = row->record.token->generation;
        } else {
            row->record.token.reset();
        }
        return committed(*row);
    }
    Result<Committed> operator()(Promote& change) const {
        Row* row = find(change.account);
        Row* candidate = find(change.candidate);
        if (row == nullptr || candidate == nullptr) return Error{errc::not_found, "gone"};
        row->retired.push_back(std::move(row->grant));
        row->grant = std::move(candidate->grant);
        ++row->record.grant_version;
        const std::uint64_t generation =
            std::max(row->record.generation + 1, candidate->record.generation);
        AccountRecord proved = candidate->record.copy();
        proved.id = row->record.id;
        proved.candidate_for.reset();
        proved.grant_version = row->record.grant_version;
        proved.generation = generation;
        if (proved.token) proved.token->generation = generation;
        proved.paused = row->record.paused;
        row->record = std::move(proved);
        disk.rows.erase(change.candidate);
        return committed(*row);
    }
    Result<Committed> operator()(RemoveAccount& change) const {
        if (find(change.account) == nullptr) return Error{errc::not_found, "gone"};
        erase_candidate(change.account);
        disk.rows.erase(change.account);
        return Committed{};
    }
    Result<Committed> operator()(Touch& change) const {
        for (const auto& [id, at] : change.last_used)
            if (Row* row = find(id)) row->record.last_used = at;
        return Committed{};
    }
    Result<Committed> operator()(SetClientSecret&) const { return Committed{}; }
    // No scenario restores a backup yet; by the rules that is an addition or nothing.
    Result<Committed> operator()(RestoreAccount& change) const {
        AddAccount addition{change.account.copy(), change.grant.copy()};
        return (*this)(addition);
    }
};

}  // namespace

Result<Committed> apply_change(Disk& disk, Change& change) {
    return std::visit(Applier{disk}, change);
}

}  // namespace tb::sim
