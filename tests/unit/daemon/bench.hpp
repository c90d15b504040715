// A whole daemon on virtual time for unit tests: the real App and server, a disk in memory, and an
// HTTPS client that answers what the test says. Calls go through real sessions, so errors are seen
// as a caller sees them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/app.hpp"
#include "ipc/server.hpp"
#include "proto/message.hpp"
#include "tests/simulation/sim_store.hpp"
#include "tests/simulation/sim_stream.hpp"

namespace tb::test {

// What was sent, without its secrets.
struct Sent {
    std::string method;
    std::string origin;
    std::string target;
    std::string body;
    Millis timeout{};
    BootTime at{};
};

class ScriptedHttps final : public net::HttpsClient {
  public:
    explicit ScriptedHttps(sim::SimClock& clock) : clock_(clock) {}
    awaitable<http::Outcome> exchange(http::Request request) override;

    std::function<http::Outcome(const Sent&)> answer;  // unset: a Webroot success
    Millis latency{10};
    std::vector<Sent> sent;
    int in_flight = 0;
    int in_flight_most = 0;
    std::int64_t lifetime_s = 299;  // of the success

    http::Outcome success();
    http::Outcome reply(int status, std::string_view body) const;

  private:
    sim::SimClock& clock_;
    int issued_ = 0;
};

class Bench {
  public:
    Bench();
    ~Bench();
    // Before begin().
    daemon::ClientConfig& client(const std::string& name, const std::string& provider);
    void account(const std::string& name, const std::string& provider);
    void begin();

    // As this uid, on a connection of its own; runs until the answer is there.
    proto::Reply call(std::string_view method, boost::json::object parameters, uid_t uid = 0);
    // Doesn't wait: the answer is taken later.
    std::shared_ptr<sim::Wire> send(std::string_view method, boost::json::object parameters,
                                    uid_t uid = 0, bool more = false);
    // The same inside a turn: nothing has run yet when it returns.
    std::shared_ptr<sim::Wire> post(std::string_view method, boost::json::object parameters,
                                    uid_t uid = 0, bool more = false);
    std::optional<proto::Reply> taken(const std::shared_ptr<sim::Wire>& wire) const;
    void pass(Millis span);  // lets time pass
    void settle();
    void end();  // a clean stop; also what the destructor does
    daemon::Account& find(std::string_view name) { return *app->accounts().find(name); }

    sim::SimClock clock;
    sim::SimRandom random{1};
    sim::Options options;
    sim::Checker checker{clock};
    sim::Disk disk;
    asio::io_context context{1};
    MemoryLog log;
    ScriptedHttps https{clock};
    daemon::Config config;
    std::unique_ptr<sim::SimStore> store;
    std::shared_ptr<ipc::Limits> limits = ipc::create_limits();
    std::unique_ptr<daemon::App> app;
    // Before begin().
    Clock* daemons_clock = &clock;
    storage::AuditStore* audit = nullptr;
    std::function<void(std::function<void(daemon::HostFacts)>)> inspect_host;

  private:
    awaitable<void> stop();
    std::unique_ptr<ipc::Server> tokens_;
    std::unique_ptr<ipc::Server> admin_;
    bool stopped_ = false;
};

inline const std::string tokens = "io.tokenbroker.tokens.";
inline const std::string admin = "io.tokenbroker.admin.";

}  // namespace tb::test
