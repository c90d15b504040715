// Keys are told apart by their id, never by the name of their file, and a database is never given a
// key that it doesn't name.
#include "storage/keyring.hpp"

#include <fmt/core.h>

namespace tb::storage {
namespace {

constexpr std::string_view key_check = "token broker key check";
constexpr std::string_view done_mark = "nothing is sealed with this key";
constexpr Place check_place{.table = "keyring", .column = "check_sealed"};

Error wrong_key(const std::string& key_path, const std::string& path) {
    return Error{errc::key_missing,
                 fmt::format("the master key {} is not the one that {} was sealed with; put the "
                             "right key back (a backup of it, or the credential that was used "
                             "before)",
                             key_path, path)};
}

Error missing_key(const std::string& path, const std::string& state_dir) {
    return Error{errc::key_missing,
                 fmt::format("{} holds sealed data, but its master key is missing (neither "
                             "{}/master.key nor the credential master-key is there); put the "
                             "key back. No new one is made: it could not open anything",
                             path, state_dir)};
}

Error previous_missing(const std::string& path, std::string_view id) {
    return Error{errc::key_missing,
                 fmt::format("the master key of {} was being changed and some of it is still "
                             "sealed with the key before (id {}), which is missing; put it back "
                             "beside the new one: as master.key in the state folder, or as the "
                             "credential that it was",
                             path, hex_of(id))};
}

struct Row {
    std::string id;
    std::string check;
};

Result<std::optional<Row>> row(Database& database, int number) {
    Statement statement(database, "SELECT key_id, check_sealed FROM keyring WHERE id = ?1");
    Cursor cursor = statement.with(number);
    if (cursor.next())
        return std::optional(Row{std::string(cursor.bytes(0)), std::string(cursor.bytes(1))});
    if (database.failure() != nullptr) return database.error();
    return std::optional<Row>();
}

bool opens_to(Sealer& sealer, const std::string& sealed, std::string_view text) {
    const Result<Secret> plain = sealer.open(check_place, sealed);
    return plain && plain->view() == text;
}

// The key of row 1; row 2 tells how far a change of it has come.
Result<Keyring> open_known(Database& database, const Row& first, const std::string& state_dir,
                           const std::string& credentials_dir, Log& log) {
    Keyring keyring;
    const FoundKeys found = find_keys(state_dir, credentials_dir);
    const MasterKey* key = found.with_id(first.id);
    if (key == nullptr && found.trouble) return *found.trouble;
    if (key == nullptr && found.keys.empty()) return missing_key(database.path(), state_dir);
    if (key == nullptr) return wrong_key(found.keys.front().path, database.path());
    keyring.sealers.current = std::make_unique<Sealer>(*key);
    keyring.path = key->path;
    if (!opens_to(*keyring.sealers.current, first.check, key_check))
        return wrong_key(key->path, database.path());
    const Result<std::optional<Row>> second = row(database, 2);
    if (!second) return second.error();
    if (!*second && key != &found.keys.front())
        log.warning("{} is not the key of {}, but {} is", found.keys.front().path, database.path(),
                    key->path);
    if (!*second) return keyring;
    if (is_done_mark(*keyring.sealers.current, (*second)->check)) {
        keyring.retired_id = (*second)->id;
        return keyring;
    }
    const MasterKey* before = found.with_id((*second)->id);
    if (before == nullptr && found.trouble) return *found.trouble;
    if (before == nullptr) return previous_missing(database.path(), (*second)->id);
    keyring.sealers.previous = std::make_unique<Sealer>(*before);
    if (!opens_to(*keyring.sealers.previous, (*second)->check, key_check))
        return damaged_database(database.path(), "the record of its key was changed");
    return keyring;
}

}  // namespace

Result<Keyring> open_keyring(Database& database, const std::string& state_dir,
                             const std::string& credentials_dir, Random& random, Log& log) {
    const Result<std::optional<Row>> first = row(database, 1);
    if (!first) return first.error();
    if (*first) return open_known(database, **first, state_dir, credentials_dir, log);
    const auto rows = database.integer(
        "SELECT (SELECT count(*) FROM head) + (SELECT count(*) FROM keyring) + "
        "EXISTS(SELECT 1 FROM account) + EXISTS(SELECT 1 FROM client_secret)");
    if (!rows) return database.error();
    Result<std::optional<MasterKey>> key = find_master_key(state_dir, credentials_dir);
    if (!key) return key.error();
    if (*rows != 0 && !*key) return missing_key(database.path(), state_dir);
    if (*rows != 0) return damaged_database(database.path(), "the record of its key is missing");
    if (!*key) {
        Result<MasterKey> made = make_master_key(state_dir, random);
        if (!made) return made.error();
        log.notice("made the master key {}; keep a copy of it in a safe place", made->path);
        key = std::optional(std::move(*made));
    }
    Keyring keyring;
    keyring.sealers.current = std::make_unique<Sealer>(**key);
    keyring.path = (*key)->path;
    Sealer& sealer = *keyring.sealers.current;
    database.run("BEGIN IMMEDIATE");
    enter_key(database, sealer);
    Statement head(database, write_head_sql);
    write_head(head, sealer, Head{});
    database.run("COMMIT");
    if (database.failure() == nullptr) return keyring;
    const Error error = database.error();
    database.clear_failure();
    if (database.in_transaction()) database.run("ROLLBACK");
    return error;
}

Result<KeyringRows> read_keyring(Database& database) {
    const Result<std::optional<Row>> first = row(database, 1);
    if (!first) return first.error();
    const Result<std::optional<Row>> second = row(database, 2);
    if (!second) return second.error();
    KeyringRows rows;
    if (*first) rows.current = (*first)->id;
    if (*second) rows.previous = (*second)->id;
    return rows;
}

bool is_done_mark(Sealer& current, const std::string& check_sealed) {
    return opens_to(current, check_sealed, done_mark);
}

void enter_key(Database& database, Sealer& next) {
    database.run("UPDATE keyring SET id = 2 WHERE id = 1");
    const std::string check = next.seal(check_place, key_check);
    Statement statement(database, "INSERT INTO keyring VALUES(1, ?1, ?2)");
    statement.run(Blob{next.key_id()}, Blob{check});
}

void mark_previous_done(Database& database, Sealer& current) {
    const std::string mark = current.seal(check_place, done_mark);
    Statement statement(database, "UPDATE keyring SET check_sealed = ?1 WHERE id = 2");
    statement.run(Blob{mark});
}

void drop_previous(Database& database) {
    database.run("DELETE FROM keyring WHERE id = 2");
}

}  // namespace tb::storage
