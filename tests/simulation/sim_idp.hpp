// The providers as a model behind the HttpsClient seam: Webroot's token endpoint with rotation
// under each old-grant policy, Threekit's catalogue, and a mint of 15 s tokens. It is the only one
// who knows which token is valid for whom, so it also judges.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "net/https_client.hpp"
#include "tests/simulation/checker.hpp"
#include "tests/simulation/options.hpp"

namespace tb::sim {

enum class OldGrant : std::uint8_t { reject, grace, revoke_family, still_valid };
const char* to_string(OldGrant policy);

class SimIdp {
  public:
    SimIdp(SimClock& clock, SimRandom& random, const Options& options, Checker& checker)
        : clock_(clock), random_(random), options_(options), checker_(checker) {}

    // Makes a family and returns its first refresh token.
    std::string enrol(const std::string& account, const std::string& host, OldGrant policy,
                      Millis lifetime);
    // The store acknowledged this successor: its predecessor is spent for good.
    void acknowledged(std::string_view refresh_token);
    // Is it usable for this account now? In the issuer's own time.
    void judge_hand_out(const std::string& account, const std::string& token, Millis promised);
    // Was the grant lost in a way that the provider's policy makes unavoidable?
    bool lost_unavoidably(const std::string& account) const;
    void set_down(bool down) { down_ = down; }
    void stop_faults() { faults_ = false; }

    awaitable<http::Outcome> exchange(http::Request request, std::shared_ptr<bool> daemon_dead);

  private:
    struct Family {
        std::string id;
        std::string account;
        std::string host;
        OldGrant policy = OldGrant::reject;
        Millis lifetime{};
        int issued = 0;               // refresh tokens so far; the newest is the current one
        std::set<int> acknowledged;   // that our store acknowledged
        std::int64_t rotated_ms = 0;  // when the current one was issued
        std::string newest_access;
        bool revoked = false;
        bool answer_lost = false;  // the last success was not delivered
        int in_flight = 0;
    };
    struct Access {
        std::string account;
        std::int64_t expires_ms = 0;
    };
    http::Outcome process(const http::Request& request, BootTime sent);
    http::Outcome token_endpoint(const http::Request& request, BootTime sent);
    http::Outcome issue(Family& family, bool again, BootTime sent);
    http::Reply reply(int status, std::string_view type, std::string_view body,
                      BootTime sent) const;
    std::optional<http::Outcome> fault_before(const http::Request& request, BootTime sent);
    http::Outcome fault_after(http::Outcome outcome, Family* family, BootTime sent);
    Family* family_of(std::string_view refresh_token);
    bool faulty(double p) { return faults_ && random_.chance(p); }

    SimClock& clock_;
    SimRandom& random_;
    const Options& options_;
    Checker& checker_;
    std::map<std::string, Family> families_;  // by "account#n": each enrolment starts a new one
    std::map<std::string, Access>
        access_;  // every access token ever issued that may still be alive
    int minted_ = 0;
    bool down_ = false;
    bool faults_ = true;
};

// The seam of one daemon's life: a crash cuts it off from the world.
class SimHttps final : public net::HttpsClient {
  public:
    SimHttps(SimIdp& idp, asio::any_io_executor executor, const Options& options)
        : idp_(idp), executor_(std::move(executor)), options_(options) {}
    awaitable<http::Outcome> exchange(http::Request request) override;
    void crash() { *dead_ = true; }

  private:
    SimIdp& idp_;
    asio::any_io_executor executor_;
    const Options& options_;
    std::shared_ptr<bool> dead_ = std::make_shared<bool>(false);
};

}  // namespace tb::sim
