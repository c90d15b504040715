// A backup's turns. Whatever goes wrong ends its snapshot, so that the log can start anew.
#include "storage/ledger.hpp"

namespace tb::storage {

Result<void> Ledger::backup(BackupAsk& ask) {
    if (ask.turn == BackupAsk::Turn::end) {
        snapshot_.reset();
        return {};
    }
    if (ask.turn == BackupAsk::Turn::start) {
        if (auto fine = ready(); !fine) return fine.error();
        if (rekey_ && !rekey_->waits_for_stop)
            return Error{errc::config,
                         "the master key is being changed; run this when that is done (see: "
                         "tokenbroker status)"};
        if (snapshot_) return Error{errc::config, "another backup is being written"};
        auto opened = Snapshot::open(file("tokenbroker.db"), sealers_, ask.header, ask.key);
        if (!opened) return opened.error();
        snapshot_ = std::move(*opened);
    }
    if (!snapshot_) return Error{errc::config, "no backup is being written"};
    Result<std::string> sealed = snapshot_->next();
    if (!sealed) {
        snapshot_.reset();
        return sealed.error();
    }
    ask.bytes = std::move(*sealed);
    ask.last = snapshot_->ended();
    ask.accounts = snapshot_->contents().accounts;
    ask.client_secrets = snapshot_->contents().client_secrets;
    if (ask.last) snapshot_.reset();
    return {};
}

}  // namespace tb::storage
