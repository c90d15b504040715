// A consistent view of everything stored, read piece by piece while commits go on, and sealed for a
// backup file. It is one read transaction on a connection of its own: while it lives, the log grows
// instead of starting anew, so it ends with its backup.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/backup_file.hpp"
#include "storage/rows.hpp"

namespace tb::storage {

class Snapshot {
  public:
    // `sealers` outlives it and doesn't change meanwhile. errc::storage, damaged.
    static Result<std::unique_ptr<Snapshot>> open(const std::string& path, Sealers& sealers,
                                                  std::string_view header, const Secret& key);
    const backup::Contents& contents() const { return contents_; }
    // One more sealed chunk. After the last: every row was there that the head record knows of,
    // and no other.
    Result<std::string> next();
    bool ended() const { return chunks_.ended(); }

  private:
    Snapshot(std::unique_ptr<Database> database, Sealers& sealers, std::string_view header,
             const Secret& key);
    Result<void> begin(Sealers& sealers);
    Result<bool> more();  // false: there are no more accounts
    Result<void> add_account(AccountId id);
    Result<void> add_client_secrets();

    std::unique_ptr<Database> database_;
    Rows rows_;
    backup::Chunks chunks_;
    backup::Contents contents_;
    Sum expected_;
    Sum seen_;
    AccountId after_ = 0;
    bool all_read_ = false;
    Secret plain_;
};

}  // namespace tb::storage
