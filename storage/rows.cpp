// Accounts as rows; the other two kinds are in rows_secret.cpp. No row is believed before its hash
// fits; what is hashed is every column but the hash itself, sealed ones by nonce, tag and length
// (the tag stands for the bytes; they are checked when the seal is opened).
#include "storage/rows.hpp"

#include "storage/codec.hpp"
#include "storage/row_hash.hpp"

namespace tb::storage {
namespace {

#define TB_ACCOUNT_COLUMNS                                                                   \
    "a.id, a.name, a.candidate_for, a.provider, a.attributes, a.paused, a.state, a.reason, " \
    "a.grant_version, a.grant_fingerprint, a.grant_obtained_at, a.grant_expires_at, "        \
    "a.generation, a.intent_fingerprint, a.intent_at, a.intent_attempts, a.hash, "           \
    "a.token_generation, a.grant_sealed, a.token_sealed, u.at "                              \
    "FROM account a LEFT JOIN last_used u ON u.account = a.id "

constexpr std::string_view insert_account_sql =
    "INSERT INTO account(id, name, candidate_for, provider, attributes, paused, state, reason, "
    "grant_version, grant_fingerprint, grant_obtained_at, grant_expires_at, generation, "
    "intent_fingerprint, intent_at, intent_attempts, hash, token_generation, grant_sealed, "
    "token_sealed) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)";

constexpr std::string_view update_account_sql =
    "UPDATE account SET attributes=?2, paused=?3, state=?4, reason=?5, grant_version=?6, "
    "grant_fingerprint=?7, grant_obtained_at=?8, grant_expires_at=?9, generation=?10, "
    "intent_fingerprint=?11, intent_at=?12, intent_attempts=?13, hash=?14, token_generation=?15, "
    "grant_sealed=?16, token_sealed=?17 WHERE id=?1";

std::optional<std::string_view> view(const std::optional<IntentRecord>& intent) {
    if (!intent) return std::nullopt;
    return intent->fingerprint;
}
std::optional<std::int64_t> at_of(const std::optional<IntentRecord>& intent) {
    if (!intent) return std::nullopt;
    return to_ms(intent->at);
}
std::optional<int> attempts_of(const std::optional<IntentRecord>& intent) {
    if (!intent) return std::nullopt;
    return intent->attempts;
}
std::optional<std::int64_t> ms_of(const std::optional<WallTime>& at) {
    if (!at) return std::nullopt;
    return to_ms(*at);
}
std::optional<Blob> token_blob(const AccountRow& row) {
    if (!row.token_generation) return std::nullopt;
    return Blob{row.token};
}

}  // namespace

Rows::Rows(Database& database, Sealers& sealers)
    : database_(database),
      sealers_(sealers),
      account_(database, "SELECT " TB_ACCOUNT_COLUMNS "WHERE a.id = ?1"),
      each_account_(database, "SELECT " TB_ACCOUNT_COLUMNS "ORDER BY a.id"),
      id_of_(database, "SELECT id FROM account WHERE name = ?1 AND candidate_for IS NULL"),
      candidate_of_(database, "SELECT id FROM account WHERE candidate_for = ?1"),
      next_id_(database, "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'account'"),
      insert_account_(database, insert_account_sql),
      update_account_(database, update_account_sql),
      remove_account_(database, "DELETE FROM account WHERE id = ?1"),
      touch_(database,
             "INSERT INTO last_used(account, at) SELECT id, ?2 FROM account WHERE id = ?1 "
             "ON CONFLICT(account) DO UPDATE SET at = excluded.at"),
      retired_(database,
               "SELECT account, grant_version, fingerprint, retired_at, hash, grant_sealed "
               "FROM retired_grant WHERE account = ?1 ORDER BY grant_version DESC"),
      all_retired_(database,
                   "SELECT account, grant_version, fingerprint, retired_at, hash, grant_sealed "
                   "FROM retired_grant"),
      insert_retired_(database, "INSERT INTO retired_grant VALUES(?1, ?2, ?3, ?4, ?5, ?6)"),
      remove_retired_(database,
                      "DELETE FROM retired_grant WHERE account = ?1 AND grant_version = ?2"),
      client_secrets_(database,
                      "SELECT client, name, version, hash, value_sealed FROM client_secret "
                      "WHERE client = ?1"),
      all_client_secrets_(database,
                          "SELECT client, name, version, hash, value_sealed FROM client_secret"),
      put_client_secret_(database,
                         "INSERT INTO client_secret VALUES(?1, ?2, ?3, ?4, ?5) "
                         "ON CONFLICT(client, name) DO UPDATE SET version = excluded.version, "
                         "hash = excluded.hash, value_sealed = excluded.value_sealed"),
      remove_client_secret_(database, "DELETE FROM client_secret WHERE client = ?1 AND name = ?2"),
      now_(database, "SELECT unixepoch()"),
      retired_before_(database, "SELECT 1 FROM retired_grant WHERE retired_at <= ?1 LIMIT 1") {}

std::string_view Rows::hashed(const AccountRow& row) {
    const AccountRecord& r = row.record;
    hashed_.clear();
    Writer writer(hashed_);
    writer.put(std::string_view("account")).put(r.id).put(std::string_view(r.name));
    writer.put(r.candidate_for).put(std::string_view(r.provider));
    for (const auto& [name, value] : r.attributes)
        writer.put(true).put(std::string_view(name)).put(std::string_view(value));
    writer.put(false).put(r.paused).put(static_cast<int>(r.state)).put(std::string_view(r.reason));
    writer.put(r.grant_version).put(std::string_view(r.grant_fingerprint));
    writer.put(r.grant_obtained_at).put(r.grant_expires_at).put(r.generation);
    writer.put(view(r.intent)).put(at_of(r.intent)).put(attempts_of(r.intent));
    writer.put(row.token_generation);
    put_sealed(writer, row.grant);
    put_sealed(writer, row.token);
    return hashed_;
}

Result<void> Rows::read(Cursor& cursor, AccountRow& row) {
    AccountRecord& r = row.record;
    r.id = cursor.integer(0);
    r.name = cursor.bytes(1);
    r.candidate_for = cursor.optional_integer(2);
    r.provider = cursor.bytes(3);
    r.attributes.clear();
    const bool whole = decode_attributes(cursor.bytes(4), r.attributes);
    r.paused = cursor.integer(5) != 0;
    r.state = static_cast<GrantState>(cursor.integer(6));
    r.reason = cursor.bytes(7);
    r.grant_version = static_cast<std::uint64_t>(cursor.integer(8));
    r.grant_fingerprint = cursor.bytes(9);
    r.grant_obtained_at = wall_from_ms(cursor.integer(10));
    r.grant_expires_at.reset();
    if (const auto at = cursor.optional_integer(11)) r.grant_expires_at = wall_from_ms(*at);
    r.generation = static_cast<std::uint64_t>(cursor.integer(12));
    r.intent.reset();
    if (const auto at = cursor.optional_integer(14))
        r.intent = IntentRecord{std::string(cursor.bytes(13)), wall_from_ms(*at),
                                static_cast<int>(cursor.integer(15))};
    row.token_generation.reset();
    if (const auto generation = cursor.optional_integer(17))
        row.token_generation = static_cast<std::uint64_t>(*generation);
    row.grant = cursor.bytes(18);
    row.token = cursor.bytes(19);
    r.last_used.reset();
    if (const auto at = cursor.optional_integer(20)) r.last_used = wall_from_ms(*at);
    if (!whole || !check(row, cursor.bytes(16)))
        return changed_from_outside(fmt::format("account {}", r.name));
    return {};
}

Result<AccountRow> Rows::account(AccountId id) {
    Cursor cursor = account_.with(id);
    if (!cursor.next()) {
        if (database_.failure() != nullptr) return database_.error();
        return Error{errc::not_found, fmt::format("there is no stored account with id {}", id)};
    }
    AccountRow row;
    if (auto whole = read(cursor, row); !whole) return whole.error();
    return row;
}

Result<void> Rows::each_account(const std::function<Result<void>(AccountRow&)>& each) {
    Cursor cursor = each_account_.with();
    AccountRow row;
    while (cursor.next()) {
        if (auto whole = read(cursor, row); !whole) return whole.error();
        if (auto taken = each(row); !taken) return taken.error();
    }
    if (database_.failure() != nullptr) return database_.error();
    return {};
}

std::optional<AccountId> Rows::id_of(std::string_view name) {
    Cursor cursor = id_of_.with(name);
    if (!cursor.next()) return std::nullopt;
    return cursor.integer(0);
}

std::optional<AccountId> Rows::candidate_of(AccountId account) {
    Cursor cursor = candidate_of_.with(account);
    if (!cursor.next()) return std::nullopt;
    return cursor.integer(0);
}

AccountId Rows::next_id() {
    Cursor cursor = next_id_.with();
    return cursor.next() ? cursor.integer(0) : 1;
}

void Rows::insert(AccountRow& row, Sum& sum) {
    const AccountRecord& r = row.record;
    const RowHash is = hash(row);
    const std::string attributes = encode_attributes(r.attributes);
    insert_account_.run(
        r.id, std::string_view(r.name), r.candidate_for, std::string_view(r.provider),
        Blob{attributes}, r.paused, static_cast<int>(r.state), std::string_view(r.reason),
        r.grant_version, std::string_view(r.grant_fingerprint), to_ms(r.grant_obtained_at),
        ms_of(r.grant_expires_at), r.generation, view(r.intent), at_of(r.intent),
        attempts_of(r.intent), stored(is), row.token_generation, Blob{row.grant}, token_blob(row));
    row.element = is.element;
    sum.toggle(row.element);
}

void Rows::update(AccountRow& row, Sum& sum) {
    const AccountRecord& r = row.record;
    const RowHash is = hash(row);
    const std::string attributes = encode_attributes(r.attributes);
    update_account_.run(
        r.id, Blob{attributes}, r.paused, static_cast<int>(r.state), std::string_view(r.reason),
        r.grant_version, std::string_view(r.grant_fingerprint), to_ms(r.grant_obtained_at),
        ms_of(r.grant_expires_at), r.generation, view(r.intent), at_of(r.intent),
        attempts_of(r.intent), stored(is), row.token_generation, Blob{row.grant}, token_blob(row));
    sum.toggle(row.element);
    row.element = is.element;
    sum.toggle(row.element);
}

void Rows::remove(const AccountRow& row, Sum& sum) {
    remove_account_.run(row.record.id);
    sum.toggle(row.element);
}

void Rows::touch(AccountId id, WallTime used) {
    touch_.run(id, to_ms(used));
}

}  // namespace tb::storage
