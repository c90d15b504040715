// Retired grants and client secrets as rows, and the seals of all three kinds.
#include "storage/codec.hpp"
#include "storage/places.hpp"
#include "storage/row_hash.hpp"
#include "storage/rows.hpp"

namespace tb::storage {
namespace {

Result<SecretSet> parse_set(const Result<Secret>& plain, std::string_view account_name) {
    if (!plain) return plain.error();
    SecretSet set;
    if (!SecretSet::parse(plain->view(), set))
        return Error{errc::damaged,
                     fmt::format("account {}: the stored grant has another form", account_name)};
    return set;
}

}  // namespace

std::string_view Rows::hashed(const RetiredRow& row) {
    hashed_.clear();
    Writer writer(hashed_);
    writer.put(std::string_view("retired_grant")).put(row.account).put(row.grant_version);
    writer.put(std::string_view(row.fingerprint)).put(row.retired_at);
    put_sealed(writer, row.grant);
    return hashed_;
}

std::string_view Rows::hashed(const ClientSecretRow& row) {
    hashed_.clear();
    Writer writer(hashed_);
    writer.put(std::string_view("client_secret")).put(std::string_view(row.client));
    writer.put(std::string_view(row.name)).put(row.version);
    put_sealed(writer, row.value);
    return hashed_;
}

Result<std::vector<RetiredRow>> Rows::read_retired(Cursor&& cursor) {
    std::vector<RetiredRow> rows;
    while (cursor.next()) {
        RetiredRow row;
        row.account = cursor.integer(0);
        row.grant_version = static_cast<std::uint64_t>(cursor.integer(1));
        row.fingerprint = cursor.bytes(2);
        row.retired_at = wall_from_ms(cursor.integer(3));
        row.grant = cursor.bytes(5);
        if (!check(row, cursor.bytes(4)))
            return changed_from_outside(
                fmt::format("a retired grant of the account with id {}", row.account));
        rows.push_back(std::move(row));
    }
    if (database_.failure() != nullptr) return database_.error();
    return rows;
}

Result<std::vector<RetiredRow>> Rows::retired(AccountId account) {
    return read_retired(retired_.with(account));
}

Result<std::vector<RetiredRow>> Rows::all_retired() {
    return read_retired(all_retired_.with());
}

void Rows::insert(RetiredRow& row, Sum& sum) {
    const RowHash is = hash(row);
    insert_retired_.run(row.account, row.grant_version, std::string_view(row.fingerprint),
                        to_ms(row.retired_at), stored(is), Blob{row.grant});
    row.element = is.element;
    sum.toggle(row.element);
}

void Rows::remove(const RetiredRow& row, Sum& sum) {
    remove_retired_.run(row.account, row.grant_version);
    sum.toggle(row.element);
}

WallTime Rows::now() {
    Cursor cursor = now_.with();
    return wall_from_ms(cursor.next() ? cursor.integer(0) * 1'000 : 0);
}

bool Rows::any_retired_before(WallTime at) {
    return retired_before_.with(to_ms(at)).next();
}

Result<std::vector<ClientSecretRow>> Rows::read_client_secrets(Cursor&& cursor) {
    std::vector<ClientSecretRow> rows;
    while (cursor.next()) {
        ClientSecretRow row;
        row.client = cursor.bytes(0);
        row.name = cursor.bytes(1);
        row.version = static_cast<std::uint64_t>(cursor.integer(2));
        row.value = cursor.bytes(4);
        if (!check(row, cursor.bytes(3)))
            return changed_from_outside(fmt::format("client {}: {}", row.client, row.name));
        rows.push_back(std::move(row));
    }
    if (database_.failure() != nullptr) return database_.error();
    return rows;
}

Result<std::vector<ClientSecretRow>> Rows::client_secrets(std::string_view client) {
    return read_client_secrets(client_secrets_.with(client));
}

Result<std::vector<ClientSecretRow>> Rows::all_client_secrets() {
    return read_client_secrets(all_client_secrets_.with());
}

void Rows::put(ClientSecretRow& row, Sum& sum, const ClientSecretRow* before) {
    const RowHash is = hash(row);
    put_client_secret_.run(std::string_view(row.client), std::string_view(row.name), row.version,
                           stored(is), Blob{row.value});
    if (before != nullptr) sum.toggle(before->element);
    row.element = is.element;
    sum.toggle(row.element);
}

void Rows::remove(const ClientSecretRow& row, Sum& sum) {
    remove_client_secret_.run(std::string_view(row.client), std::string_view(row.name));
    sum.toggle(row.element);
}

Result<SecretSet> Rows::open_grant(const AccountRow& row) {
    return parse_set(sealers_.current->open(grant_place(row), row.grant), row.record.name);
}

Result<SecretSet> Rows::open_grant(const RetiredRow& row, std::string_view account_name) {
    return parse_set(sealers_.current->open(grant_place(row, account_name), row.grant),
                     account_name);
}

Result<TokenRecord> Rows::open_token(const AccountRow& row) {
    const Result<Secret> plain = sealers_.current->open(token_place(row), row.token);
    if (!plain) return plain.error();
    TokenRecord token;
    if (!decode_token(plain->view(), token))
        return Error{errc::damaged,
                     fmt::format("account {}: the stored token has another form", row.record.name)};
    return token;
}

Result<Secret> Rows::open_value(const ClientSecretRow& row) {
    return sealers_.current->open(value_place(row), row.value);
}

void Rows::seal_grant(AccountRow& row, const SecretSet& grant) {
    row.grant = sealers_.current->seal(grant_place(row), grant.serialize().view());
    row.record.grant_fingerprint = sealers_.current->fingerprint(grant);
}

void Rows::seal_grant(RetiredRow& row, const SecretSet& grant) {
    row.grant = sealers_.current->seal(grant_place(row, {}), grant.serialize().view());
    row.fingerprint = sealers_.current->fingerprint(grant);
}

void Rows::seal_token(AccountRow& row, const TokenRecord& token) {
    row.token_generation = token.generation;
    row.token = sealers_.current->seal(token_place(row), encode_token(token).view());
}

void Rows::seal_value(ClientSecretRow& row, const Secret& value) {
    row.value = sealers_.current->seal(value_place(row), value.view());
}

}  // namespace tb::storage
