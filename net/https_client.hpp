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
    // The first step of a shutdown, called on the brain: what is not sent yet, and whatever is
    // asked for later, fails with code "shutdown"; sent exchanges go on until they end. The owner
    // then waits for its exchanges (each ends by its own deadline) and destroys the client.
    virtual void stop() {}
};

struct HttpsOptions {
    std::string user_agent = "tokenbroker/" TB_VERSION;
    Millis idle_max_ms{30'000};       // a kept connection is closed after this
    Millis spend_idle_max_ms{2'000};  // a single-use grant travels on one idle for less than this
    // Hosts entry overrides for tests: "name" -> "127.0.0.1" (or several, with commas between), ""
    // for a look-up that never answers and holds its thread, "!" for one that fails.
    std::vector<std::pair<std::string, std::string>> resolve_overrides{};
};

// Starts its own thread; the destructor ends it within milliseconds: an owner who did not wait for
// its exchanges gets them back as failures with code "shutdown" (those already sent: ambiguous).
// They arrive on the brain, which must outlive the client.
// `brain` is where exchange() is called and resumed.
std::unique_ptr<HttpsClient> create_https_client(asio::any_io_executor brain, HttpsOptions options,
                                                 Log& log);

}  // namespace tb::net
