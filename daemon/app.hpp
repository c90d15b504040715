// The daemon without its process: everything between the seams. Production (main.cpp) and the
// simulation build the same App. Order: load() -> begin() -> READY; stop() drains; then App, then
// the executors, then the clock are destroyed.
#pragma once

#include <memory>

#include "daemon/admin_service.hpp"
#include "daemon/audit.hpp"
#include "daemon/broker.hpp"
#include "daemon/gatekeeper.hpp"
#include "daemon/tokens_service.hpp"

namespace tb::daemon {

class App {
  public:
    App(Deps deps, Config config);
    // Every stored account into memory; blocking. After it the services may be called.
    Result<void> load();
    // Starts renewing.
    void begin();
    TokensService& tokens() { return tokens_; }
    AdminService& admin() { return admin_; }
    AccountTable& accounts() { return table_; }
    Broker& broker() { return broker_; }
    Audit& audit() { return audit_; }
    void count_connections(std::function<std::size_t()> count) {
        count_connections_ = std::move(count);
    }
    // Nothing new is started; what is under way ends and is stored. The store is closed by its
    // owner after this.
    awaitable<void> stop();

  private:
    AdminService::Hooks hooks();

    Deps deps_;
    AccountTable table_;
    Audit audit_;
    Gatekeeper gatekeeper_;
    Broker broker_;
    TokensService tokens_;
    AdminService admin_;
    std::function<std::size_t()> count_connections_;
};

}  // namespace tb::daemon
