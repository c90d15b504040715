// Rows on their way from the key before to the current one. A sealed value that does not open under
// its own key stays as it is: it opens nowhere, before and after, and its row is served as far as
// it goes.
#include "storage/places.hpp"
#include "storage/row_hash.hpp"
#include "storage/rows.hpp"

namespace tb::storage {
namespace {

void carry(Sealers& sealers, const Place& place, std::string& sealed) {
    const Result<Secret> plain = sealers.previous->open(place, sealed);
    if (plain) sealed = sealers.current->seal(place, plain->view());
}

// Of the same grant under the current key.
std::optional<std::string> fingerprint_of(Sealers& sealers, const Place& place,
                                          const std::string& sealed) {
    const Result<Secret> plain = sealers.current->open(place, sealed);
    SecretSet grant;
    if (!plain || !SecretSet::parse(plain->view(), grant)) return std::nullopt;
    return sealers.current->fingerprint(grant);
}

}  // namespace

void Rows::bring_over(AccountRow& row) {
    carry(sealers_, grant_place(row), row.grant);
    if (row.token_generation) carry(sealers_, token_place(row), row.token);
    const auto fingerprint = fingerprint_of(sealers_, grant_place(row), row.grant);
    if (!fingerprint) return;
    AccountRecord& r = row.record;
    if (r.intent && r.intent->fingerprint == r.grant_fingerprint)
        r.intent->fingerprint = *fingerprint;
    r.grant_fingerprint = *fingerprint;
}

void Rows::bring_over(RetiredRow& row) {
    carry(sealers_, grant_place(row, {}), row.grant);
    const auto fingerprint = fingerprint_of(sealers_, grant_place(row, {}), row.grant);
    if (fingerprint) row.fingerprint = *fingerprint;
}

void Rows::bring_over(ClientSecretRow& row) {
    carry(sealers_, value_place(row), row.value);
}

Result<std::size_t> Rows::reseal(RowsPosition& position, std::size_t most, Sum& sum) {
    switch (position.table) {
        case RowsPosition::Table::account:
            return reseal_accounts(position, most, sum);
        case RowsPosition::Table::retired_grant:
            return reseal_retired(position, most, sum);
        case RowsPosition::Table::client_secret:
            return reseal_client_secrets(position, most, sum);
        case RowsPosition::Table::end:
            break;
    }
    return std::size_t{0};
}

Result<std::size_t> Rows::reseal_accounts(RowsPosition& position, std::size_t most, Sum& sum) {
    std::vector<AccountId> ids;
    Statement next(database_, "SELECT id FROM account WHERE id > ?1 ORDER BY id LIMIT ?2");
    {
        Cursor cursor = next.with(position.account, most);
        while (cursor.next())
            ids.push_back(cursor.integer(0));
    }
    std::size_t resealed = 0;
    for (const AccountId id : ids) {
        Result<AccountRow> row = account(id);
        if (!row) return row.error();
        position.account = id;
        if (!row->stale) continue;
        update(*row, sum);
        ++resealed;
    }
    if (database_.failure() != nullptr) return database_.error();
    if (ids.size() < most) position.table = RowsPosition::Table::retired_grant;
    return resealed;
}

Result<std::size_t> Rows::reseal_retired(RowsPosition& position, std::size_t most, Sum& sum) {
    if (position.grant_version == 0) position.account = 0;  // the first time
    Statement next(database_,
                   "SELECT account, grant_version, fingerprint, retired_at, hash, grant_sealed "
                   "FROM retired_grant WHERE (account, grant_version) > (?1, ?2) "
                   "ORDER BY account, grant_version LIMIT ?3");
    Result<std::vector<RetiredRow>> rows =
        read_retired(next.with(position.account, position.grant_version, most));
    if (!rows) return rows.error();
    std::size_t resealed = 0;
    for (RetiredRow& row : *rows) {
        position.account = row.account;
        position.grant_version = row.grant_version;
        if (!row.stale) continue;
        remove(row, sum);
        insert(row, sum);
        ++resealed;
    }
    if (database_.failure() != nullptr) return database_.error();
    if (rows->size() < most) position.table = RowsPosition::Table::client_secret;
    return resealed;
}

Result<std::size_t> Rows::reseal_client_secrets(RowsPosition& position, std::size_t most,
                                                Sum& sum) {
    Statement next(database_,
                   "SELECT client, name, version, hash, value_sealed FROM client_secret "
                   "WHERE (client, name) > (?1, ?2) ORDER BY client, name LIMIT ?3");
    Result<std::vector<ClientSecretRow>> rows = read_client_secrets(
        next.with(std::string_view(position.client), std::string_view(position.name), most));
    if (!rows) return rows.error();
    std::size_t resealed = 0;
    for (ClientSecretRow& row : *rows) {
        position.client = row.client;
        position.name = row.name;
        if (!row.stale) continue;
        const ClientSecretRow before = row;
        put(row, sum, &before);
        ++resealed;
    }
    if (database_.failure() != nullptr) return database_.error();
    if (rows->size() < most) position.table = RowsPosition::Table::end;
    return resealed;
}

}  // namespace tb::storage
