// What lies between the daemon and its providers: the HttpsClient seam, latency, and everything
// that can happen to a request on its way there and back. Who answers is a Model, by origin.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "net/https_client.hpp"
#include "tests/simulation/model.hpp"

namespace tb::sim {

class Internet {
  public:
    Internet(SimClock& clock, Issuer& issuer) : clock_(clock), issuer_(issuer) {}

    void serve(const std::string& origin, Model& model) { hosts_[origin].model = &model; }
    void set_down(bool down) { down_ = down; }
    // What it is asked before then is answered then, or too late.
    void hang(std::string_view origin, std::int64_t until_ms);
    void stop_faults() { faults_ = false; }
    void forget_waits();  // the daemon that was asked to wait is gone

    awaitable<http::Outcome> exchange(http::Request request, std::shared_ptr<bool> daemon_dead);

  private:
    struct Host {
        Model* model = nullptr;
        BootTime asked_from{};  // Retry-After, as soon as the daemon has surely taken it in
        BootTime asked_until{};
        std::int64_t stranger_answered_ms = -1;  // of an account that nobody has
        std::int64_t hangs_until_ms = -1;
    };
    bool faulty(double p) { return faults_ && issuer_.random().chance(p); }
    void judge(Host& host, const http::Request& request, Family* grant);
    http::Reply reply(const Answer& answer, BootTime sent) const;
    std::optional<http::Outcome> fault_before(Host& host, BootTime sent);
    http::Outcome fault_after(http::Outcome outcome, Family* grant, BootTime sent);
    http::Outcome process(Host& host, const http::Request& request, Family* grant, BootTime sent);
    void delivered(Host& host, bool renewal, http::Outcome& outcome);

    SimClock& clock_;
    Issuer& issuer_;
    std::map<std::string, Host, std::less<>> hosts_;
    bool down_ = false;
    bool faults_ = true;
};

// The seam of one daemon's life: a crash cuts it off from the world.
class SimHttps final : public net::HttpsClient {
  public:
    SimHttps(Internet& internet, asio::any_io_executor executor, const Options& options)
        : internet_(internet), executor_(std::move(executor)), options_(options) {}
    awaitable<http::Outcome> exchange(http::Request request) override;
    void crash() { *dead_ = true; }

  private:
    Internet& internet_;
    asio::any_io_executor executor_;
    const Options& options_;
    std::shared_ptr<bool> dead_ = std::make_shared<bool>(false);
};

}  // namespace tb::sim
