// Left out: candidates of a replacement (they prove themselves or go), and retired grants (refused
// by their provider). They are read all the same, so that the sum can be compared.
#include "storage/snapshot.hpp"

#include "base/limits.hpp"
#include "storage/backup_record.hpp"
#include "storage/open.hpp"

namespace tb::storage {
namespace {
constexpr std::size_t accounts_at_once = 32;
}

Result<std::unique_ptr<Snapshot>> Snapshot::open(const std::string& path, Sealers& sealers,
                                                 std::string_view header, const Secret& key) {
    Result<std::unique_ptr<Database>> database = open_checkpointer(path);
    if (!database) return database.error();
    std::unique_ptr<Snapshot> snapshot(new Snapshot(std::move(*database), sealers, header, key));
    if (auto begun = snapshot->begin(sealers); !begun) return begun.error();
    return snapshot;
}

Snapshot::Snapshot(std::unique_ptr<Database> database, Sealers& sealers, std::string_view header,
                   const Secret& key)
    : database_(std::move(database)), rows_(*database_, sealers), chunks_(header, key) {}

Result<void> Snapshot::begin(Sealers& sealers) {
    database_->run("BEGIN");
    const auto accounts =
        database_->integer("SELECT count(*) FROM account WHERE candidate_for IS NULL");
    const auto secrets = database_->integer("SELECT count(*) FROM client_secret");
    if (!accounts || !secrets) return database_->error();
    contents_ = {static_cast<std::uint64_t>(*accounts), static_cast<std::uint64_t>(*secrets)};
    const Result<Head> head = read_head(*database_, *sealers.current);
    if (!head) return head.error();
    expected_ = head->sum;
    plain_.append(backup::encode(contents_));
    return add_client_secrets();
}

Result<void> Snapshot::add_client_secrets() {
    const Result<std::vector<ClientSecretRow>> rows = rows_.all_client_secrets();
    if (!rows) return rows.error();
    for (const ClientSecretRow& row : *rows) {
        seen_.toggle(row.element);
        Result<Secret> value = rows_.open_value(row);
        if (!value) return value.error();
        const BackupClientSecret record{row.client, row.name, std::move(*value)};
        plain_.append(encode_backup(record).view());
    }
    return {};
}

Result<void> Snapshot::add_account(AccountId id) {
    Result<AccountRow> row = rows_.account(id);
    if (!row) return row.error();
    seen_.toggle(row->element);
    const Result<std::vector<RetiredRow>> retired = rows_.retired(id);
    if (!retired) return retired.error();
    for (const RetiredRow& old : *retired)
        seen_.toggle(old.element);
    if (row->record.candidate_for) return {};
    BackupAccount record;
    Result<SecretSet> grant = rows_.open_grant(*row);
    if (!grant) return grant.error();
    record.grant = std::move(*grant);
    if (row->token_generation) {
        Result<TokenRecord> token = rows_.open_token(*row);
        if (!token) return token.error();
        row->record.token = std::move(*token);
    }
    record.account = std::move(row->record);
    plain_.append(encode_backup(record).view());
    return {};
}

Result<bool> Snapshot::more() {
    std::vector<AccountId> ids;
    Statement next(*database_, "SELECT id FROM account WHERE id > ?1 ORDER BY id LIMIT ?2");
    {
        Cursor cursor = next.with(after_, accounts_at_once);
        while (cursor.next())
            ids.push_back(cursor.integer(0));
    }
    for (const AccountId id : ids) {
        if (auto added = add_account(id); !added) return added.error();
        after_ = id;
    }
    if (database_->failure() != nullptr) return database_->error();
    return ids.size() == accounts_at_once;
}

Result<std::string> Snapshot::next() {
    while (!all_read_ && plain_.size() <= limits::backup_chunk_bytes) {
        const Result<bool> read = more();
        if (!read) return read.error();
        all_read_ = !*read;
    }
    if (all_read_ && !(seen_ == expected_))
        return damaged_database(database_->path(), "its rows are not those that were last written");
    const std::string_view now = plain_.view().substr(0, limits::backup_chunk_bytes);
    const bool last = all_read_ && now.size() == plain_.size();
    std::string sealed = chunks_.seal(now, last);
    plain_ = Secret(plain_.view().substr(now.size()));
    return sealed;
}

}  // namespace tb::storage
