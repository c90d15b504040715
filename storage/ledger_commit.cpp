// Groups of changes: one immediate transaction, a savepoint for each change, the head at the end,
// an answer only after COMMIT returned. What failed for want of room is tried once more without
// the ballast if it holds anything that must not wait.
#include <fmt/core.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "storage/ledger.hpp"

namespace tb::storage {
namespace {

// These say what came of a grant that was sent.
bool must_not_wait(const Work& work) {
    return work.change != nullptr && (std::holds_alternative<Renewed>(*work.change) ||
                                      std::holds_alternative<SetState>(*work.change) ||
                                      std::holds_alternative<Promote>(*work.change));
}

bool any_must_not_wait(std::span<const Work> group) {
    return std::any_of(group.begin(), group.end(), must_not_wait);
}

// These are let in only while there is room in reserve for what comes of grants.
bool any_wants_a_reserve(std::span<const Work> group) {
    return std::any_of(group.begin(), group.end(), [](const Work& work) {
        return work.change != nullptr && (std::holds_alternative<Intend>(*work.change) ||
                                          std::holds_alternative<RestoreAccount>(*work.change));
    });
}

constexpr int rounds_max = 3;  // as asked; without the ballast; settling what that left

}  // namespace

std::vector<Result<Committed>> Ledger::commit(std::span<const Work> group) {
    TB_ASSERT(group.size() <= limits::commit_group_max);
    std::vector<std::optional<Result<Committed>>> answers(group.size());
    std::optional<Error> failed;
    bool again = true;
    bool without_ballast = false;
    for (int round = 0; round < rounds_max; ++round) {
        if (auto fine = ready(); !fine) {
            failed = fine.error();
            break;
        }
        std::vector<Work> left;
        std::vector<std::size_t> places;
        for (std::size_t i = 0; i < group.size(); ++i) {
            if (!answers[i]) answers[i] = remembered(group[i]);
            if (answers[i]) continue;
            // The room is for what must not wait: the rest would fill it up again.
            if (without_ballast && !must_not_wait(group[i])) continue;
            left.push_back(group[i]);
            places.push_back(i);
        }
        if (left.empty() || !again) break;
        Attempt tried = attempt(left);
        if (!tried.failed) {
            for (std::size_t i = 0; i < left.size(); ++i)
                answers[places[i]] = std::move(tried.answers[i]);
            break;
        }
        failed = std::move(tried.failed);
        again = round == 0 && tried.no_room && ballast_.in_place() && any_must_not_wait(left);
        if (again) drop_ballast();
        without_ballast = without_ballast || again;
    }
    forget_unasked();
    std::vector<Result<Committed>> out;
    out.reserve(group.size());
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (!answers[i]) answers[i] = *failed;
        if (!*answers[i] && in_doubt(group[i])) {
            Error unsure = answers[i]->error();
            unsure.in_doubt = true;
            answers[i] = std::move(unsure);
        }
        out.push_back(std::move(*answers[i]));
    }
    return out;
}

bool Ledger::in_doubt(const Work& work) const {
    return doubt_ && work.identity && std::ranges::any_of(doubt_->group, [&](const Work& one) {
               return one.identity == work.identity;
           });
}

Ledger::Attempt Ledger::attempt(std::span<const Work> group) {
    Attempt tried;
    if (any_wants_a_reserve(group)) put_ballast_back();
    Sum sum = head_.sum;
    connections_->begin.run();
    if (!apply_all(group, tried, sum)) {
        const bool device = connections_->writer->failure()->of_the_device();
        give_up(tried);
        if (device) connections_.reset();
        return tried;
    }
    const auto done = std::count_if(tried.answers.begin(), tried.answers.end(),
                                    [](const auto& answer) { return answer.has_value(); });
    Database& database = *connections_->writer;
    if (done == 0) {
        database.run("ROLLBACK");
        if (database.failure() != nullptr) give_up(tried);
        return tried;
    }
    const Head after{head_.commits + 1, sum};
    write_head(connections_->write_head, *sealers_.current, after);
    const bool written = database.failure() == nullptr;
    connections_->commit.run();
    if (database.failure() == nullptr) {
        head_ = after;
        log_pages_ = database.log_pages();
        ++transactions_;
        changes_ += static_cast<std::uint64_t>(done);
        works_again();
        return tried;
    }
    const SqlFailure failure = *database.failure();
    if (written && !failure.surely_undone())
        doubt_ = Doubt{after, {group.begin(), group.end()}, tried.answers};
    give_up(tried);
    if (doubt_ || failure.of_the_device()) connections_.reset();
    return tried;
}

// False: the database failed, and with it the whole group.
bool Ledger::apply_all(std::span<const Work> group, Attempt& tried, Sum& sum) {
    Database& database = *connections_->writer;
    const WallTime at = now();
    for (const Work& work : group) {
        const Sum before = sum;
        if (!connections_->savepoint.run()) return false;
        Result<Committed> answer = apply(work, sum, at);
        if (const SqlFailure* failure = database.failure()) {
            if (!failure->of_the_change() || !database.in_transaction()) return false;
            answer = database.error();
            database.clear_failure();
        }
        if (!answer) {
            sum = before;
            if (!connections_->back.run()) return false;
        }
        if (!connections_->release.run()) return false;
        tried.answers.push_back(std::move(answer));
    }
    return true;
}

Result<Committed> Ledger::apply(const Work& work, Sum& sum, WallTime at) {
    Applier applier(connections_->rows, sum, at, ballast_.in_place());
    switch (work.kind) {
        case Work::Kind::change:
            return applier.apply(*work.change);
        case Work::Kind::restore_retired:
            return applier.restore_retired(work.account);
        case Work::Kind::reseal: {
            rekey_->next = rekey_->at;
            const auto resealed =
                connections_->rows.reseal(rekey_->next, limits::rekey_rows_per_turn, sum);
            if (!resealed) return resealed.error();
            Committed out;
            out.attempts = static_cast<int>(*resealed);
            return out;
        }
        case Work::Kind::prune:
            break;
    }
    const Result<int> pruned = applier.prune_retired();
    if (!pruned) return pruned.error();
    Committed out;
    out.attempts = *pruned;
    return out;
}

// The transaction is over, whatever is left of it.
void Ledger::give_up(Attempt& tried) {
    Database& database = *connections_->writer;
    tried.no_room = database.failure()->no_room();
    tried.failed = failing(database.error());
    tried.answers.clear();
    database.clear_failure();
    if (database.in_transaction() && !database.run("ROLLBACK")) connections_.reset();
}

void Ledger::drop_ballast() {
    ballast_.release();
    ballast_dropped_ = true;
    ballast_in_place_ = false;
    log_.warning(
        "the disk is full: the reserve in {} is given up for what must be stored; no grant that "
        "can "
        "be used once is sent until it is back",
        file("ballast"));
}

std::optional<Result<Committed>> Ledger::remembered(const Work& work) {
    for (auto it = remembered_.begin(); it != remembered_.end(); ++it) {
        if (it->first != work.identity) continue;
        Result<Committed> answer = std::move(it->second);
        remembered_.erase(it);
        return answer;
    }
    return std::nullopt;
}

// Nobody else holds them, so nobody can come again.
void Ledger::forget_unasked() {
    std::erase_if(remembered_, [](const auto& entry) { return entry.first.use_count() == 1; });
}

// Nobody may have anything to commit for hours; that all is well again should be known before.
void Ledger::try_to_write() {
    const auto nothing = std::make_shared<const Change>(Touch{});
    const Work work{Work::Kind::change, 0, nothing.get(), nothing};
    (void)commit({&work, 1});
}

std::string Ledger::trouble() const {
    const std::lock_guard lock(trouble_mutex_);
    if (!trouble_.empty())
        return fmt::format(
            "the store can't write: {}; tokens in hand are served, and no grant that can be used "
            "once is sent",
            trouble_);
    if (ballast_in_place_) return {};
    return fmt::format(
        "the store can't write {} bytes to {}, which are held in reserve for new grants; until "
        "they are, no grant that can be used once is sent; free some disk space",
        limits::ballast_bytes, file("ballast"));
}

}  // namespace tb::storage
