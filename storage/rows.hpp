// Accounts, retired grants and client secrets as rows: read and checked, written and hashed. Every
// write takes the row's old element out of the sum and puts the new one in, so the head record of
// the same transaction fits. Failures of SQLite stick to the Database. A row that is still under
// the key before is brought over to the current one as it is read, in memory: whoever writes it
// back writes it under the current key.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/database.hpp"
#include "storage/head.hpp"
#include "storage/records.hpp"
#include "storage/seal.hpp"

namespace tb::storage {

struct AccountRow {
    AccountRecord record;  // without its token
    std::string grant;     // sealed, of record.grant_version
    std::optional<std::uint64_t> token_generation;
    std::string token;   // sealed, of token_generation
    Half element{};      // what the sum holds for it
    bool stale = false;  // it is still under the key before
};

struct RetiredRow {
    AccountId account = 0;
    std::uint64_t grant_version = 0;  // that it was
    std::string fingerprint;
    WallTime retired_at{};
    std::string grant;  // sealed
    Half element{};
    bool stale = false;
};

struct ClientSecretRow {
    std::string client;
    std::string name;
    std::uint64_t version = 1;
    std::string value;  // sealed
    Half element{};
    bool stale = false;
};

// How far a pass over all rows has come.
struct RowsPosition {
    enum class Table { account, retired_grant, client_secret, end };
    Table table = Table::account;
    AccountId account = 0;
    std::uint64_t grant_version = 0;
    std::string client{};
    std::string name{};
};

class Rows {
  public:
    Rows(Database& database, Sealers& sealers);

    // errc::not_found, errc::damaged (the row was changed from outside), or the database's failure.
    Result<AccountRow> account(AccountId id);
    Result<void> each_account(const std::function<Result<void>(AccountRow&)>& each);
    std::optional<AccountId> id_of(std::string_view name);  // not of a candidate
    std::optional<AccountId> candidate_of(AccountId account);
    AccountId next_id();
    void insert(AccountRow& row, Sum& sum);
    void update(AccountRow& row, Sum& sum);  // not its name, provider and candidate_for
    void remove(const AccountRow& row, Sum& sum);
    void touch(AccountId id, WallTime used);

    Result<std::vector<RetiredRow>> retired(AccountId account);  // the newest first
    Result<std::vector<RetiredRow>> all_retired();
    void insert(RetiredRow& row, Sum& sum);
    void remove(const RetiredRow& row, Sum& sum);

    Result<std::vector<ClientSecretRow>> client_secrets(std::string_view client);
    Result<std::vector<ClientSecretRow>> all_client_secrets();
    void put(ClientSecretRow& row, Sum& sum, const ClientSecretRow* before);
    void remove(const ClientSecretRow& row, Sum& sum);

    // Sealed values of rows.
    Result<SecretSet> open_grant(const AccountRow& row);
    Result<SecretSet> open_grant(const RetiredRow& row, std::string_view account_name);
    Result<TokenRecord> open_token(const AccountRow& row);
    Result<Secret> open_value(const ClientSecretRow& row);
    // Seals under row.record.grant_version and sets the fingerprint.
    void seal_grant(AccountRow& row, const SecretSet& grant);
    void seal_grant(RetiredRow& row, const SecretSet& grant);
    void seal_token(AccountRow& row, const TokenRecord& token);
    void seal_value(ClientSecretRow& row, const Secret& value);

    std::string fingerprint(const SecretSet& grant) { return sealers_.current->fingerprint(grant); }
    // The next `most` rows of one table after `position`, which moves on; those that are stale are
    // written under the current key. How many were.
    Result<std::size_t> reseal(RowsPosition& position, std::size_t most, Sum& sum);

    WallTime now();  // the system's clock, as SQLite reads it; to the second
    bool any_retired_before(WallTime at);

  private:
    Result<void> read(Cursor& cursor, AccountRow& row);
    Result<std::vector<RetiredRow>> read_retired(Cursor&& cursor);
    Result<std::vector<ClientSecretRow>> read_client_secrets(Cursor&& cursor);
    std::string_view hashed(const AccountRow& row);  // what a row's hash is of; until the next
    std::string_view hashed(const RetiredRow& row);
    std::string_view hashed(const ClientSecretRow& row);
    template <class Row>
    RowHash hash(const Row& row) {
        return sealers_.current->hash_row(hashed(row));
    }
    template <class Row>
    bool check(Row& row, std::string_view stored_hash);
    void bring_over(AccountRow& row);
    void bring_over(RetiredRow& row);
    void bring_over(ClientSecretRow& row);
    Result<std::size_t> reseal_accounts(RowsPosition& position, std::size_t most, Sum& sum);
    Result<std::size_t> reseal_retired(RowsPosition& position, std::size_t most, Sum& sum);
    Result<std::size_t> reseal_client_secrets(RowsPosition& position, std::size_t most, Sum& sum);

    Database& database_;
    Sealers& sealers_;
    std::string hashed_;  // kept for its memory
    Statement account_;
    Statement each_account_;
    Statement id_of_;
    Statement candidate_of_;
    Statement next_id_;
    Statement insert_account_;
    Statement update_account_;
    Statement remove_account_;
    Statement touch_;
    Statement retired_;
    Statement all_retired_;
    Statement insert_retired_;
    Statement remove_retired_;
    Statement client_secrets_;
    Statement all_client_secrets_;
    Statement put_client_secret_;
    Statement remove_client_secret_;
    Statement now_;
    Statement retired_before_;
};

}  // namespace tb::storage
