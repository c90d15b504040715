// The client under test with a brain of its own: the test's thread. Hides Asio, so that the tests
// compile quickly.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/http.hpp"
#include "base/log.hpp"
#include "certificates.hpp"
#include "test_server.hpp"

namespace tb::net {
class HttpsClient;
}

namespace tb::net::test {

struct ClientOptions {
    Millis idle_max{30'000};
    Millis spend_idle_max{30'000};
    std::vector<std::pair<std::string, std::string>> overrides{};
};

class Harness {
  public:
    explicit Harness(ClientOptions options = {});
    ~Harness();

    // A request that these tests vary: GET origin/path, trusting the test's CA. Its 20 s are
    // never reached by a test that works: the machine may be busy.
    http::Request get(const std::string& origin, const std::string& path = "/t") const;
    http::Request post(const std::string& origin, bool spends_grant) const;

    // Runs the brain until the exchange ended; asserts that it ended on this thread.
    http::Outcome run(http::Request request);
    std::vector<http::Outcome> run_all(std::vector<http::Request> requests);  // all at once
    // Begins one and returns; finish() runs the brain until all begun have ended.
    void begin(http::Request request);
    std::vector<http::Outcome> finish();
    void wait_for_ended(std::size_t n);  // of those begun since the last finish()

    void stop();
    void destroy();  // the client

    TestCa ca;
    TemporaryFolder folder;
    MemoryLog log;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The reply or failure, or a test failure that tells the other.
const http::Reply& reply(const http::Outcome& outcome);
const http::Failure& failure(const http::Outcome& outcome);

long now_ms();  // monotonic

}  // namespace tb::net::test
