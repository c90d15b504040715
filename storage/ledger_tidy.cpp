// What the ledger does when nobody waits: copies the log into the database, brings the reserve
// back, forgets retired grants. What must stay true: none of it is needed for what was
// acknowledged, so it may fail, and is tried again.
#include <fmt/core.h>

#include "base/limits.hpp"
#include "storage/ledger.hpp"

namespace tb::storage {
namespace {
constexpr Millis retry_after_ms{2'000};  // to open again, to put the ballast back
constexpr Millis quiet_ms{20};           // before a log that has grown is copied
constexpr Millis quiet_long_ms{1'000};   // before any is
constexpr Millis look_after_ms = 1h;     // for retired grants
constexpr Millis prune_every_ms = 24h;
// Pages in the log (WAL) from which a moment of quiet is used to copy them into the database: 4 MiB
// take about 5 ms.
constexpr int log_pages_tidy = 1'000;
}  // namespace

Millis Ledger::tidy_after() const {
    if (!connections_ || doubt_) return retry_after_ms;
    if (rekey_ && !rekey_->waits_for_stop)
        return rekey_->turns_to_wait > 0 ? retry_after_ms : Millis{0};
    if (log_pages_ >= log_pages_tidy) return quiet_ms;
    if (log_pages_ > 0) return quiet_long_ms;
    if (failing_ || !ballast_.in_place()) return retry_after_ms;
    return look_after_ms;
}

void Ledger::tidy() {
    if (!ready()) return;
    if (rekey_ && !rekey_->waits_for_stop) return rekey_step();
    if (log_pages_ > 0) checkpoint();
    put_ballast_back();
    if (failing_ && log_pages_ == 0) try_to_write();
    if (!pruned_at_ || !connections_) return prune();
    const Millis since = now() - *pruned_at_;
    if (since >= prune_every_ms || since < Millis{0}) prune();
}

void Ledger::bound_log() {
    if (log_pages_ > limits::store_log_pages_max) checkpoint();
}

void Ledger::checkpoint() {
    if (!connections_) return;
    Database& database = *connections_->checkpointer;
    log_pages_ = 0;
    if (database.checkpoint(false)) {
        ++checkpoints_;
        return;
    }
    const SqlFailure failure = *database.failure();
    (void)failing(database.error());
    database.clear_failure();
    log_pages_ = 1;  // tried again
    if (failure.of_the_device()) connections_.reset();
}

void Ledger::put_ballast_back() {
    if (!ballast_.in_place() && ballast_.reserve() && ballast_dropped_) {
        log_.notice("{} holds {} bytes in reserve again", file("ballast"), limits::ballast_bytes);
        ballast_dropped_ = false;
    }
    ballast_in_place_ = ballast_.in_place();
}

void Ledger::prune() {
    if (!ready()) return;
    pruned_at_ = now();
    if (!connections_->rows.any_retired_before(*pruned_at_ - limits::retired_grants_kept_ms))
        return after_reading();
    const Work work{Work::Kind::prune, 0, nullptr, std::make_shared<int>(0)};
    const auto answers = commit({&work, 1});
    if (answers.front())
        log_.info("{} retired grants were kept for 30 days and are gone",
                  answers.front()->attempts);
}

}  // namespace tb::storage
