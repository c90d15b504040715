// The TokenStore that daemons use: questions go to the store's thread, answers come back to the
// brain.
#pragma once

#include <memory>
#include <string>

#include "storage/store_thread.hpp"
#include "storage/token_store.hpp"

namespace tb::storage {

class SqliteStore final : public TokenStore {
  public:
    SqliteStore(asio::any_io_executor brain, std::unique_ptr<Ledger> ledger, Millis group_wait);

    Result<void> load(std::function<void(AccountRecord)> each) override;
    awaitable<Result<Committed>> commit(std::shared_ptr<Change> change) override;
    awaitable<Result<SecretSet>> open(AccountId account) override;
    awaitable<Result<Committed>> restore_retired(AccountId account) override;
    awaitable<Result<SecretSet>> open_client_secrets(std::string client) override;
    std::string trouble() const override { return thread_.ledger().trouble(); }
    awaitable<Result<void>> rekey() override;
    StoreKeys keys() const override { return thread_.ledger().keys(); }
    awaitable<Result<void>> backup(std::shared_ptr<BackupAsk> ask) override;
    awaitable<void> close() override;

    StoreStats stats() const { return thread_.ledger().stats(); }

  private:
    std::shared_ptr<Job> job(Job::Kind kind) const { return std::make_shared<Job>(kind, brain_); }
    awaitable<std::optional<Error>> ask(std::shared_ptr<Job> job);

    asio::any_io_executor brain_;
    StoreThread thread_;
};

}  // namespace tb::storage
