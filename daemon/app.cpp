// See app.hpp.
#include "daemon/app.hpp"

#include <utility>

namespace tb::daemon {
namespace {
AccountTable configured(Config config) {
    AccountTable table;
    table.configure(std::make_shared<const Config>(std::move(config)));  // no account is there yet
    return table;
}
}  // namespace

App::App(Deps deps, Config config)
    : deps_(std::move(deps)),
      table_(configured(std::move(config))),
      audit_(deps_),
      gatekeeper_(deps_.own_uid, deps_.clock, deps_.log, audit_),
      broker_(deps_, table_, audit_),
      tokens_(deps_, table_, broker_, gatekeeper_),
      admin_(deps_, table_, broker_, audit_, hooks()) {}

AdminService::Hooks App::hooks() {
    AdminService::Hooks hooks;
    hooks.connections = [this] { return count_connections_ ? count_connections_() : 0; };
    hooks.reconfigured = [this] { return tokens_.recheck_watches(); };
    return hooks;
}

Result<void> App::load() {
    const Moment at = broker_.moment();
    const std::string boot_id = deps_.clock.boot_id();
    std::vector<storage::AccountRecord> candidates;
    const auto each = [&](storage::AccountRecord record) {
        if (record.candidate_for)
            candidates.push_back(std::move(record));
        else
            table_.insert(std::move(record), at, boot_id);
    };
    table_.begin_load();
    const Result<void> loaded = deps_.store.load(each);
    table_.end_load();
    if (!loaded) return loaded;
    for (storage::AccountRecord& record : candidates) {
        const auto account = table_.share(record.name);
        if (!account) continue;
        const auto candidate = table_.insert(std::move(record), at, boot_id);
        candidate->candidate_of = account;
        broker_.resume_candidate(candidate);
    }
    return {};
}

void App::begin() {
    broker_.begin();
    audit_.admin(nullptr, "start", {}, true,
                 fmt::format("tokenbrokerd {}, {} account(s), boot {}", TB_VERSION, table_.size(),
                             deps_.clock.boot_id()));
}

awaitable<void> App::stop() {
    tokens_.end_watches();
    co_await admin_.stop();
    co_await broker_.stop();
}

}  // namespace tb::daemon
