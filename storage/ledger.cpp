// Opening, coming back after an I/O error, loading, reading. What must stay true: the head
// in memory is the head in the database, or there is a doubt and nothing is let in.
#include "storage/ledger.hpp"

#include <fmt/core.h>

#include "base/limits.hpp"
#include "storage/files.hpp"
#include "storage/open.hpp"

namespace tb::storage {
namespace {
// A larger database is checked beside its load, on another thread: 35 MiB take 50 ms.
constexpr std::int64_t check_at_once_bytes_max = 4 * 1024 * 1024;
}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::open(SqliteOptions options, Random& random, Log& log) {
    if (auto fine = check_state_dir(options.state_dir); !fine) return fine.error();
    Result<LockFile> lock = LockFile::take(options.state_dir + "/lock");
    if (!lock) return lock.error();
    std::unique_ptr<Ledger> ledger(new Ledger(std::move(options), std::move(*lock), log));
    Result<void> connected = ledger->connect_first(random);
    if (!connected && connected.error().code == errc::storage && ledger->ballast_.in_place()) {
        ledger->ballast_.release();  // the disk may be too full to open anything
        connected = ledger->connect_first(random);
    }
    if (!connected) return connected.error();
    ledger->put_ballast_back();
    if (!ledger->ballast_.in_place())
        log.warning(
            "no room for {}: grants that can be used once are not renewed until {} bytes "
            "of disk are free",
            ledger->file("ballast"), limits::ballast_bytes);
    return ledger;
}

Ledger::Ledger(SqliteOptions options, LockFile lock, Log& log)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      log_(log),
      ballast_(file("ballast"), limits::ballast_bytes) {}

Ledger::~Ledger() = default;

WallTime Ledger::now() {
    return options_.wall_now ? options_.wall_now() : connections_->rows.now();
}

Result<void> Ledger::connect_first(Random& random) {
    const std::string path = file("tokenbroker.db");
    if (auto fine = examine_database(options_.state_dir, path, log_); !fine) return fine.error();
    const bool large = bytes_of(path) > check_at_once_bytes_max;
    Result<std::unique_ptr<Database>> writer =
        open_writer(path, large ? Checks::later : Checks::all);
    if (!writer) return writer.error();
    Result<Keyring> keyring =
        open_keyring(**writer, options_.state_dir, options_.credentials_dir, random, log_);
    if (!keyring) return keyring.error();
    const Result<Head> head = read_head(**writer, *keyring->sealers.current);
    if (!head) return head.error();
    Result<std::unique_ptr<Database>> checkpointer = open_checkpointer(path);
    if (!checkpointer) return checkpointer.error();
    sealers_ = std::move(keyring->sealers);
    key_path_ = keyring->path;
    head_ = *head;
    auto connections =
        std::make_unique<Connections>(std::move(*writer), std::move(*checkpointer), sealers_);
    if (connections->writer->failure() != nullptr) return connections->writer->error();
    extend_log(path);
    connections_ = std::move(connections);
    if (sealers_.previous || !keyring->retired_id.empty()) {
        rekey_.emplace();
        rekey_->retired_id = keyring->retired_id;
        log_.notice("a change of the master key goes on; the new one is {}", key_path_);
    }
    publish_keys();
    if (large) checking_ = std::async(std::launch::async, check_whole, path);
    return {};
}

// The pages are what they should be. Before anything is changed, and before a load is believed.
Result<void> Ledger::whole() {
    if (checking_.valid()) checked_ = checking_.get();
    return checked_;
}

Result<void> Ledger::reconnect() {
    const std::string path = file("tokenbroker.db");
    Result<std::unique_ptr<Database>> writer = open_writer(path, Checks::quick);
    if (!writer) return writer.error();
    Result<std::unique_ptr<Database>> checkpointer = open_checkpointer(path);
    if (!checkpointer) return checkpointer.error();
    auto connections =
        std::make_unique<Connections>(std::move(*writer), std::move(*checkpointer), sealers_);
    if (connections->writer->failure() != nullptr) return connections->writer->error();
    if (auto resolved = resolve_entering(*connections->writer); !resolved) return resolved.error();
    const Result<Head> head = read_head(*connections->writer, *sealers_.current);
    if (!head) return head.error();
    const bool known = *head == head_ || (doubt_ && *head == doubt_->after);
    if (!known) return damaged_database(path, "it was changed by somebody else while in use");
    connections_ = std::move(connections);
    log_pages_ = 1;  // whatever is in the log: copied in the next quiet moment
    ++reopened_;
    return {};
}

Result<void> Ledger::ready() {
    if (auto fine = whole(); !fine) return fine.error();
    if (!connections_)
        if (auto connected = reconnect(); !connected) return failing(connected.error());
    if (doubt_)
        if (auto resolved = resolve_doubt(); !resolved) return failing(resolved.error());
    return {};
}

Result<void> Ledger::resolve_doubt() {
    Database& database = *connections_->writer;
    const Result<Head> head = read_head(database, *sealers_.current);
    if (!head) {
        connections_.reset();
        return head.error();
    }
    if (*head == doubt_->after) {
        // The group is there, but what was written by a failed sync may not be on the disk, and a
        // second sync may not say so: written anew it is. Then its log is not needed.
        if (!database.checkpoint(true)) {
            Error error = database.error();
            connections_.reset();
            return error;
        }
        head_ = doubt_->after;
        for (std::size_t i = 0; i < doubt_->group.size(); ++i)
            remembered_.emplace_back(std::move(doubt_->group[i].identity), doubt_->answers[i]);
        log_pages_ = 0;
    }
    doubt_.reset();
    return {};
}

void Ledger::close() {
    snapshot_.reset();
    if (rekey_ && rekey_->waits_for_stop && ready())
        if (auto done = finish_rekey(true); !done) rekey_failed(done.error());
    connections_.reset();
    lock_.reset();
}

Error Ledger::failing(Error error) {
    if (!failing_) log_.error("{}", error.message);
    failing_ = true;
    const std::lock_guard lock(trouble_mutex_);
    trouble_ = error.message;
    return error;
}

void Ledger::works_again() {
    if (failing_) log_.notice("{} can be written again", file("tokenbroker.db"));
    failing_ = false;
    const std::lock_guard lock(trouble_mutex_);
    trouble_.clear();
}

Result<void> Ledger::load(const std::function<void(AccountRecord)>& each) {
    if (!connections_ || doubt_)
        if (auto fine = ready(); !fine) return fine.error();
    Rows& rows = connections_->rows;
    Sum sum;
    auto loaded = rows.each_account([&](AccountRow& row) -> Result<void> {
        sum.toggle(row.element);
        if (row.token_generation) {
            Result<TokenRecord> token = rows.open_token(row);
            if (!token) return token.error();
            row.record.token = std::move(*token);
        }
        each(std::move(row.record));
        return {};
    });
    if (!loaded) return loaded.error();
    const Result<std::vector<RetiredRow>> retired = rows.all_retired();
    if (!retired) return retired.error();
    for (const RetiredRow& row : *retired)
        sum.toggle(row.element);
    const Result<std::vector<ClientSecretRow>> secrets = rows.all_client_secrets();
    if (!secrets) return secrets.error();
    for (const ClientSecretRow& row : *secrets)
        sum.toggle(row.element);
    if (!(sum == head_.sum))
        return damaged_database(file("tokenbroker.db"),
                                "its rows are not those that were last written (an older row was "
                                "put back, or one was removed)");
    if (auto fine = whole(); !fine) return fine.error();
    connections_->writer->release_memory();  // every page was read once: 8 MiB that nobody needs
    prune();
    return {};
}

// A failure to read is answered by whoever read; here it only must not stick.
void Ledger::after_reading() {
    const SqlFailure* failure = connections_->writer->failure();
    if (failure != nullptr && failure->of_the_device())
        connections_.reset();
    else
        connections_->writer->clear_failure();
}

Result<SecretSet> Ledger::open_grant(AccountId account) {
    if (auto fine = ready(); !fine) return fine.error();
    const Result<AccountRow> row = connections_->rows.account(account);
    if (!row) {
        after_reading();
        return row.error();
    }
    return connections_->rows.open_grant(*row);
}

Result<SecretSet> Ledger::open_client_secrets(const std::string& client) {
    if (auto fine = ready(); !fine) return fine.error();
    const auto rows = connections_->rows.client_secrets(client);
    if (!rows) {
        after_reading();
        return rows.error();
    }
    SecretSet set;
    for (const ClientSecretRow& row : *rows) {
        Result<Secret> value = connections_->rows.open_value(row);
        if (!value) return value.error();
        set.set(row.name, std::move(*value));
    }
    return set;
}

StoreStats Ledger::stats() const {
    return {transactions_, changes_, checkpoints_, reopened_, ballast_in_place_};
}

}  // namespace tb::storage
