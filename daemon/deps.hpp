// What App is built on: the five seams (Clock, Random, HttpsClient, TokenStore here; ByteStream
// below the IPC server) and two functions for what blocks. Production and the simulation fill in
// their own; everything in daemon/ runs on `brain`.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "base/async.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "daemon/config.hpp"
#include "daemon/finding.hpp"
#include "ipc/limits.hpp"
#include "net/https_client.hpp"
#include "storage/audit_store.hpp"
#include "storage/token_store.hpp"

namespace tb::daemon {

struct Deps {
    asio::any_io_executor brain;
    Clock& clock;
    Random& random;
    net::HttpsClient& https;
    storage::TokenStore& store;
    Log& log;
    uid_t own_uid = 0;
    // A client secret from a credential or file: small local files, read when an exchange needs
    // them, never kept.
    std::function<Result<Secret>(const SecretSource&)> read_secret;
    // Reads the configuration off the brain thread; calls back on the brain.
    std::function<void(std::function<void(ConfigResult)>)> load_config;
    // What callers hold, by uid, over all sockets.
    std::shared_ptr<ipc::Limits> ipc_limits;
    storage::AuditStore* audit = nullptr;  // none: what happens is counted, not kept
    // Looks at files, clock and limits of this host, off the brain; calls back on the brain. Empty:
    // there is no host to look at.
    std::function<void(std::function<void(HostFacts)>)> inspect_host{};
};

}  // namespace tb::daemon
