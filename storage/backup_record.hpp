// What is in a backup, behind the counts: one record after the other, each with its length in
// front. A record says what it is first, so that a reader knows whether it can take it.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "storage/records.hpp"

namespace tb::storage {

struct BackupAccount {
    AccountRecord account;  // with its token; its fingerprints belong to the store that wrote it
    SecretSet grant;
};
struct BackupClientSecret {
    std::string client;
    std::string name;
    Secret value;
};
using BackupRecord = std::variant<BackupAccount, BackupClientSecret>;

Secret encode_backup(const BackupAccount& record);
Secret encode_backup(const BackupClientSecret& record);

// Takes whole records out of bytes that come piece by piece.
class BackupRecords {
  public:
    void feed(std::string_view bytes) { bytes_.append(bytes); }
    // nullopt: more bytes are needed. errc::damaged, too_new (a record of another kind).
    Result<std::optional<BackupRecord>> next();
    bool empty() const { return at_ == bytes_.size(); }

  private:
    Secret bytes_;
    std::size_t at_ = 0;
};

}  // namespace tb::storage
