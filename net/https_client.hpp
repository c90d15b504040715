// The HttpsClient seam. The real one runs on the net thread (niced): resolver, proxy, TLS, kept
// connections, one deadline an exchange. It knows nothing of accounts, providers, retries or
// breakers: those are the daemon's decisions.
#pragma once

#include <memory>
#include <string>

#include "base/async.hpp"
#include "base/http.hpp"
#include "base/log.hpp"

namespace tb::net {

class HttpsClient {
  public:
    virtual ~HttpsClient() = default;
    // Called on the brain, resumes on the brain. Always ends by request.timeout; never throws. A
    // sent exchange is never cancelled by anybody; shutdown of the process ends those that are
    // still waiting to be sent with code "shutdown".
    virtual awaitable<http::Outcome> exchange(http::Request request) = 0;
};

struct HttpsOptions {
    std::string user_agent = "tokenbroker/" TB_VERSION;
    Millis idle_max_ms{30'000};       // a kept connection is closed after this
    Millis spend_idle_max_ms{2'000};  // a single-use grant travels on one idle for less than this
    // Hosts entry overrides for tests: "name" -> "127.0.0.1" or "" for a look-up that never
    // answers.
    std::vector<std::pair<std::string, std::string>> resolve_overrides{};
};

// Starts its own thread; joins it when destroyed (bounded by the deadlines of what is in flight).
// `brain` is where exchange() is called and resumed.
std::unique_ptr<HttpsClient> create_https_client(asio::any_io_executor brain, HttpsOptions options,
                                                 Log& log);

}  // namespace tb::net
