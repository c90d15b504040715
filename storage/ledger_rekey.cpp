// Changing the master key under a running store: keyring.hpp has the states, this moves from one to
// the next. The rows follow in small groups between other commits; the old key's file goes only
// when the database was written anew (VACUUM) and its log emptied, so that neither a free page nor
// a gap between rows holds anything that the old key opens.
#include <fmt/core.h>

#include "base/limits.hpp"
#include "storage/ledger.hpp"
#include "storage/open.hpp"

namespace tb::storage {
namespace {
constexpr int turns_after_failure = 64;  // groups of a busy store; a quiet one waits for its retry
}  // namespace

Result<void> Ledger::begin_rekey() {
    if (auto fine = ready(); !fine) return fine.error();
    if (rekey_ && rekey_->waits_for_stop)
        return Error{errc::config,
                     "the change of the master key before this one ends when tokenbrokerd is "
                     "stopped; run: systemctl restart tokenbrokerd, then tokenbroker rekey"};
    if (rekey_)
        return Error{errc::config,
                     "a change of the master key is under way; see: tokenbroker status"};
    if (snapshot_)
        return Error{errc::config, "a backup is being written; run this when it is done"};
    SystemRandom random;
    Result<MasterKey> key = next_master_key(options_.state_dir, options_.credentials_dir, key_path_,
                                            sealers_.current->key_id(), random);
    if (!key) return key.error();
    auto sealer = std::make_unique<Sealer>(*key);
    entering_.emplace();
    entering_->sealer = std::move(sealer);
    entering_->path = key->path;
    entering_->after = Head{head_.commits + 1, head_.sum};
    const bool done = transact([this](Database& database) {
        enter_key(database, *entering_->sealer);
        write_head(connections_->write_head, *entering_->sealer, entering_->after);
    });
    if (done) {
        entered();
        return {};
    }
    // It may be in all the same: the next opening looks (resolve_entering).
    const Error error = failing(connections_->writer->error());
    connections_.reset();
    return error;
}

void Ledger::entered() {
    sealers_.previous = std::move(sealers_.current);
    sealers_.current = std::move(entering_->sealer);
    key_path_ = entering_->path;
    head_ = entering_->after;
    entering_.reset();
    rekey_.emplace();
    log_.notice("the new master key {} is in force (id {}); what is stored goes over to it",
                key_path_, hex_of(sealers_.current->key_id()));
    publish_keys();
}

Result<void> Ledger::resolve_entering(Database& database) {
    if (!entering_) return {};
    const Result<KeyringRows> rows = read_keyring(database);
    if (!rows) return rows.error();
    if (rows->current != entering_->sealer->key_id()) {
        entering_.reset();
        return {};
    }
    // As in resolve_doubt(): what a failed sync wrote is written anew.
    if (!database.checkpoint(true)) return database.error();
    entered();
    return {};
}

bool Ledger::rekey_wants_step() {
    if (!rekey_ || rekey_->waits_for_stop) return false;
    if (rekey_->turns_to_wait > 0) --rekey_->turns_to_wait;
    return rekey_->turns_to_wait == 0;
}

void Ledger::rekey_step() {
    rekey_->turns_to_wait = 0;
    if (auto fine = ready(); !fine) return rekey_failed(fine.error());
    if (sealers_.previous && rekey_->at.table != RowsPosition::Table::end) {
        const Work work{Work::Kind::reseal, 0, nullptr, std::make_shared<int>(0)};
        const auto answers = commit({&work, 1});
        if (!answers.front()) return rekey_failed(answers.front().error());
        rekey_->at = rekey_->next;
        rekey_->resealed += static_cast<std::size_t>(answers.front()->attempts);
        bound_log();
        return publish_keys();
    }
    if (auto finished = finish_rekey(false); !finished) rekey_failed(finished.error());
}

void Ledger::rekey_failed(const Error& error) {
    rekey_->turns_to_wait = turns_after_failure;
    (void)failing(error);
    publish_keys(error.message);
}

// No answers hang on these: what failed is done again from the state that the database is in.
bool Ledger::transact(const std::function<void(Database&)>& change) {
    Database& database = *connections_->writer;
    database.run("BEGIN IMMEDIATE");
    change(database);
    return database.run("COMMIT");
}

// From rows under the new key alone to a database that holds nothing under the old one.
Result<void> Ledger::scrub() {
    Database& database = *connections_->writer;
    database.run("VACUUM");
    if (database.failure() == nullptr) (void)database.checkpoint(true);
    if (database.failure() == nullptr) {
        extend_log(database.path());
        (void)transact([this](Database& db) { mark_previous_done(db, *sealers_.current); });
    }
    if (database.failure() == nullptr) return {};
    const Error error = database.error();
    connections_.reset();  // the next try starts with a log that is known
    return error;
}

Result<void> Ledger::finish_rekey(bool stopping) {
    if (sealers_.previous) {
        Database& database = *connections_->writer;
        const auto pages = database.integer("PRAGMA page_count");
        const auto page_bytes = database.integer("PRAGMA page_size");
        if (!pages || !page_bytes) return database.error();
        if (*pages * *page_bytes > limits::rekey_vacuum_bytes_max && !stopping) {
            rekey_->waits_for_stop = true;
            log_.notice(
                "all is sealed with the new master key; the old one goes when {} is "
                "written anew at the next stop",
                database.path());
            publish_keys();
            return {};
        }
        // A large one is not copied in memory.
        if (stopping) database.run("PRAGMA temp_store = FILE");
        if (auto done = scrub(); !done) return done.error();
        rekey_->retired_id = sealers_.previous->key_id();
        sealers_.previous.reset();
    }
    const Result<std::string> path =
        retire_key_files(options_.state_dir, options_.credentials_dir, sealers_.current->key_id(),
                         rekey_->retired_id);
    if (!path) return path.error();
    if (!path->empty()) key_path_ = *path;
    if (!transact(drop_previous)) {
        const Error error = connections_->writer->error();
        connections_.reset();
        return error;
    }
    rekey_.reset();
    works_again();
    log_.notice("the master key was changed; it is {} (id {}). Keep a copy of it in a safe place",
                key_path_, hex_of(sealers_.current->key_id()));
    publish_keys();
    return {};
}

StoreKeys Ledger::keys() const {
    const std::lock_guard lock(keys_mutex_);
    return keys_;
}

void Ledger::publish_keys(std::string trouble) {
    StoreKeys now;
    now.id = hex_of(sealers_.current->key_id());
    now.path = key_path_;
    now.changing = rekey_.has_value();
    now.resealed = rekey_ ? rekey_->resealed : 0;
    now.waits_for_stop = rekey_ && rekey_->waits_for_stop;
    now.trouble = std::move(trouble);
    const std::lock_guard lock(keys_mutex_);
    keys_ = std::move(now);
}

}  // namespace tb::storage
