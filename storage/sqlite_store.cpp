// Coroutines around the queue. A job's answer is looked at only when the brain was told (done), so
// no lock is needed here.
#include "storage/sqlite_store.hpp"

#include <fmt/core.h>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "storage/relay.hpp"

namespace tb::storage {

Result<std::unique_ptr<TokenStore>> open_sqlite_store(asio::any_io_executor brain,
                                                      SqliteOptions options, Random& random,
                                                      Log& log) {
    const Millis group_wait = options.group_wait_ms;
    Result<std::unique_ptr<Ledger>> ledger = Ledger::open(std::move(options), random, log);
    if (!ledger) return ledger.error();
    std::unique_ptr<TokenStore> store =
        std::make_unique<SqliteStore>(std::move(brain), std::move(*ledger), group_wait);
    return store;
}

SqliteStore::SqliteStore(asio::any_io_executor brain, std::unique_ptr<Ledger> ledger,
                         Millis group_wait)
    : brain_(std::move(brain)), thread_(brain_, std::move(ledger), group_wait) {}

Result<void> SqliteStore::load(std::function<void(AccountRecord)> each) {
    Result<void> loaded;
    Relay<AccountRecord> relay;
    const auto done = thread_.run([&](Ledger& ledger) {
        loaded = ledger.load([&relay](AccountRecord record) { relay.give(std::move(record)); });
        relay.end();
    });
    relay.take_all(each);
    done.wait();
    return loaded;
}

// An error if the job was not taken; else its answer is in it.
awaitable<std::optional<Error>> SqliteStore::ask(std::shared_ptr<Job> job) {
    const StoreThread::Taken taken = thread_.give(job);
    std::optional<Error> refused;
    if (taken == StoreThread::Taken::full)
        refused = Error{errc::too_many_requests,
                        fmt::format("the store is {} requests behind; try again in a moment",
                                    limits::store_queue_max)};
    if (taken == StoreThread::Taken::closed) refused = Error{errc::closed, "the store is closed"};
    if (refused) co_return refused;
    while (!job->done)
        co_await job->answered.wait();
    co_return refused;
}

awaitable<Result<Committed>> SqliteStore::commit(std::shared_ptr<Change> change) {
    TB_ASSERT(change != nullptr);
    auto job = this->job(Job::Kind::commit);
    job->change = std::move(change);
    std::optional<Error> refused = co_await ask(job);
    if (refused) co_return std::move(*refused);
    co_return std::move(job->committed);
}

awaitable<Result<SecretSet>> SqliteStore::open(AccountId account) {
    auto job = this->job(Job::Kind::open);
    job->account = account;
    std::optional<Error> refused = co_await ask(job);
    if (refused) co_return std::move(*refused);
    co_return std::move(job->secrets);
}

awaitable<Result<Committed>> SqliteStore::restore_retired(AccountId account) {
    auto job = this->job(Job::Kind::restore_retired);
    job->account = account;
    std::optional<Error> refused = co_await ask(job);
    if (refused) co_return std::move(*refused);
    co_return std::move(job->committed);
}

awaitable<Result<SecretSet>> SqliteStore::open_client_secrets(std::string client) {
    auto job = this->job(Job::Kind::open_client_secrets);
    job->client = std::move(client);
    std::optional<Error> refused = co_await ask(job);
    if (refused) co_return std::move(*refused);
    co_return std::move(job->secrets);
}

awaitable<Result<void>> SqliteStore::rekey() {
    auto job = this->job(Job::Kind::rekey);
    std::optional<Error> refused = co_await ask(job);
    if (refused) co_return std::move(*refused);
    co_return std::move(job->done_well);
}

awaitable<Result<void>> SqliteStore::backup(std::shared_ptr<BackupAsk> ask_for) {
    auto job = this->job(Job::Kind::backup);
    job->backup = std::move(ask_for);
    std::optional<Error> refused = co_await ask(job);
    if (refused) co_return std::move(*refused);
    co_return std::move(job->done_well);
}

awaitable<void> SqliteStore::close() {
    auto job = this->job(Job::Kind::close);
    const std::optional<Error> refused = co_await ask(job);
    if (!refused) thread_.join();  // it has answered its last job and is leaving
}

}  // namespace tb::storage
