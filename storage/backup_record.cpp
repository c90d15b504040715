// See backup_record.hpp. What is here was authenticated before, so a mistake in it is of a version,
// not of an attacker; it is bounded all the same.
#include "storage/backup_record.hpp"

#include "base/limits.hpp"
#include "storage/codec.hpp"

namespace tb::storage {
namespace {

constexpr std::uint64_t kind_account = 1;
constexpr std::uint64_t kind_client_secret = 2;
constexpr std::size_t length_bytes = 8;

Error other_form() {
    return {errc::too_new,
            "it holds a record that this version of token broker doesn't know; use a newer one"};
}

Secret with_length(const Secret& record) {
    Secret out;
    out.reserve(record.size() + length_bytes);
    Writer(out).put(record.size());
    out.append(record.view());
    return out;
}

void put_state(Writer<Secret>& writer, const AccountRecord& r) {
    writer.put(r.paused).put(static_cast<int>(r.state)).put(std::string_view(r.reason));
    writer.put(r.grant_version).put(r.grant_obtained_at).put(r.grant_expires_at);
    writer.put(r.generation).put(r.last_used);
    writer.put(r.intent.has_value());
    if (r.intent) writer.put(r.intent->at).put(r.intent->attempts);
}

std::optional<WallTime> optional_wall(Reader& reader) {
    if (!reader.flag()) return std::nullopt;
    return wall_from_ms(reader.signed_number());
}

void take_state(Reader& reader, AccountRecord& r) {
    r.paused = reader.flag();
    const std::uint64_t state = reader.number();
    if (state > static_cast<std::uint64_t>(GrantState::misconfigured)) return reader.fail();
    r.state = static_cast<GrantState>(state);
    r.reason = reader.text();
    r.grant_version = reader.number();
    r.grant_obtained_at = wall_from_ms(reader.signed_number());
    r.grant_expires_at = optional_wall(reader);
    r.generation = reader.number();
    r.last_used = optional_wall(reader);
    if (!reader.flag()) return;
    const WallTime at = wall_from_ms(reader.signed_number());
    r.intent = IntentRecord{{}, at, static_cast<int>(reader.number())};
}

bool take_account(Reader& reader, BackupAccount& into) {
    AccountRecord& r = into.account;
    r.name = reader.text();
    r.provider = reader.text();
    if (!decode_attributes(reader.text(), r.attributes)) return false;
    take_state(reader, r);
    if (!SecretSet::parse(reader.text(), into.grant)) return false;
    if (reader.flag()) {
        r.token.emplace();
        if (!decode_token(reader.text(), *r.token)) return false;
    }
    return reader.complete();
}

}  // namespace

Secret encode_backup(const BackupAccount& record) {
    const AccountRecord& r = record.account;
    Secret out;
    Writer writer(out);
    const std::string attributes = encode_attributes(r.attributes);
    writer.put(kind_account).put(std::string_view(r.name)).put(std::string_view(r.provider));
    writer.put(std::string_view(attributes));
    put_state(writer, r);
    writer.put(record.grant.serialize().view()).put(r.token.has_value());
    if (r.token) writer.put(encode_token(*r.token).view());
    return with_length(out);
}

Secret encode_backup(const BackupClientSecret& record) {
    Secret out;
    Writer writer(out);
    writer.put(kind_client_secret).put(std::string_view(record.client));
    writer.put(std::string_view(record.name)).put(record.value.view());
    return with_length(out);
}

Result<std::optional<BackupRecord>> BackupRecords::next() {
    const std::string_view left = bytes_.view().substr(at_);
    std::optional<BackupRecord> none;
    if (left.size() < length_bytes) return none;
    Reader length(left.substr(0, length_bytes));
    const std::uint64_t size = length.number();
    if (size > limits::backup_record_bytes_max)
        return Error{errc::damaged, "one of its records is larger than any can be"};
    if (left.size() - length_bytes < size) return none;
    Reader reader(left.substr(length_bytes, size));
    BackupRecord record;
    const std::uint64_t kind = reader.number();
    if (kind == kind_account) {
        if (!take_account(reader, record.emplace<BackupAccount>())) return other_form();
    } else if (kind == kind_client_secret) {
        auto& secret = record.emplace<BackupClientSecret>();
        secret.client = reader.text();
        secret.name = reader.text();
        secret.value = Secret(reader.text());
        if (!reader.complete()) return other_form();
    } else {
        return other_form();
    }
    at_ += length_bytes + size;
    if (at_ >= limits::backup_chunk_bytes) {  // what was read goes, now and then
        bytes_ = Secret(bytes_.view().substr(at_));
        at_ = 0;
    }
    return std::optional<BackupRecord>(std::move(record));
}

}  // namespace tb::storage
