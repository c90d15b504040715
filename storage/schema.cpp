// What is secret is in columns named *_sealed; the rest is readable by design (status, doctor,
// `sqlite3` by hand) and covered by each row's `hash` (rows.cpp). last_used is a table of its own
// and not hashed: it changes often and for many accounts at once, and nothing hangs on it but when
// an idle account is renewed.
#include "storage/schema.hpp"

#include <fmt/core.h>

namespace tb::storage {
namespace {

constexpr std::string_view steps[] = {
    R"sql(
CREATE TABLE keyring(            -- which key everything below is sealed with, and a seal to try it
    id INTEGER PRIMARY KEY CHECK(id = 1),
    key_id BLOB NOT NULL CHECK(length(key_id) = 8),
    check_sealed BLOB NOT NULL
) STRICT;
CREATE TABLE head(               -- the sum over all hashed rows: catches an older row put back
    id INTEGER PRIMARY KEY CHECK(id = 1),
    head_sealed BLOB NOT NULL
) STRICT;
CREATE TABLE account(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK(length(name) BETWEEN 1 AND 128),
    candidate_for INTEGER REFERENCES account(id),
    provider TEXT NOT NULL,
    attributes BLOB NOT NULL,
    paused INTEGER NOT NULL CHECK(paused IN (0, 1)),
    state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 3),
    reason TEXT NOT NULL,
    grant_version INTEGER NOT NULL CHECK(grant_version >= 1),
    grant_fingerprint TEXT NOT NULL,
    grant_obtained_at INTEGER NOT NULL,
    grant_expires_at INTEGER,
    generation INTEGER NOT NULL CHECK(generation >= 0),
    intent_fingerprint TEXT,
    intent_at INTEGER,
    intent_attempts INTEGER,
    hash BLOB NOT NULL CHECK(length(hash) = 16),
    token_generation INTEGER,
    grant_sealed BLOB NOT NULL,
    token_sealed BLOB,
    CHECK((token_generation IS NULL) = (token_sealed IS NULL)),
    CHECK((intent_at IS NULL) = (intent_fingerprint IS NULL)),
    CHECK((intent_at IS NULL) = (intent_attempts IS NULL))
) STRICT;
CREATE UNIQUE INDEX account_name ON account(name) WHERE candidate_for IS NULL;
CREATE UNIQUE INDEX account_candidate ON account(candidate_for) WHERE candidate_for IS NOT NULL;
CREATE TABLE last_used(
    account INTEGER PRIMARY KEY REFERENCES account(id) ON DELETE CASCADE,
    at INTEGER NOT NULL
) STRICT;
CREATE TABLE retired_grant(
    account INTEGER NOT NULL REFERENCES account(id),
    grant_version INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    retired_at INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK(length(hash) = 16),
    grant_sealed BLOB NOT NULL,
    PRIMARY KEY(account, grant_version)
) STRICT, WITHOUT ROWID;
CREATE TABLE client_secret(
    client TEXT NOT NULL CHECK(length(client) BETWEEN 1 AND 128),
    name TEXT NOT NULL CHECK(length(name) BETWEEN 1 AND 128),
    version INTEGER NOT NULL CHECK(version >= 1),
    hash BLOB NOT NULL CHECK(length(hash) = 16),
    value_sealed BLOB NOT NULL,
    PRIMARY KEY(client, name)
) STRICT, WITHOUT ROWID;
)sql",
    // While the master key is being changed there are two: 1 is the current one, 2 the one before.
    R"sql(
CREATE TABLE keyring_2(
    id INTEGER PRIMARY KEY CHECK(id IN (1, 2)),
    key_id BLOB NOT NULL CHECK(length(key_id) = 8),
    check_sealed BLOB NOT NULL
) STRICT;
INSERT INTO keyring_2 SELECT id, key_id, check_sealed FROM keyring;
DROP TABLE keyring;
ALTER TABLE keyring_2 RENAME TO keyring;
)sql",
};

}  // namespace

std::span<const std::string_view> schema_steps() {
    return steps;
}

Result<void> migrate(Database& database, std::span<const std::string_view> all) {
    const std::optional<std::int64_t> version = database.integer("PRAGMA user_version");
    if (!version) return database.error();
    for (auto step = static_cast<std::size_t>(*version); step < all.size(); ++step) {
        database.run("BEGIN IMMEDIATE");
        database.run(std::string(all[step]));
        database.run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
                                 application_id, step + 1));
        if (database.failure() == nullptr) continue;
        Error error = database.error();
        database.clear_failure();
        if (database.in_transaction()) database.run("ROLLBACK");
        error.message += fmt::format(" (while bringing its tables to version {})", step + 1);
        return error;
    }
    return {};
}

}  // namespace tb::storage
