// An operator at the admin socket: pauses, resumes, removes, adds, replaces, revokes, renews, logs
// people in by code and device, looks at the status. What was acknowledged is remembered: after a
// crash the daemon must still know it.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/model_oauth2.hpp"
#include "tests/simulation/sim_caller.hpp"

namespace tb::sim {

// What an operator pastes.
struct NewGrant {
    boost::json::object secrets;
    boost::json::object attributes;
};

class SimOperator : public std::enable_shared_from_this<SimOperator> {
  public:
    SimOperator(Surroundings& world, asio::any_io_executor executor,
                const std::vector<std::string>& accounts, OAuth2Model* logins,
                std::function<NewGrant(const std::string&)> new_grant);
    void begin();
    // nullptr: there is no daemon just now. Whether what was asked last was done, nobody knows.
    void attach(ipc::Server* admin);
    // From now on only what brings every account back: adds what is missing, resumes what is
    // paused.
    void tidy_up();
    // One call whose answer nobody waits for.
    void tell(const std::string& frame);
    void replace(const std::string& account);
    // After a start: what was acknowledged is so.
    void check_acknowledged() const;
    void hold() { holding_ = true; }

  private:
    struct Expected {
        std::optional<bool> exists;  // nullopt: an answer was lost
        std::optional<bool> paused;
    };
    void act();
    void call(std::string method, boost::json::object parameters, bool more);
    void log_in(const std::string& account, bool by_code);
    void arrived();
    void answered(std::string_view text);
    void shown(const boost::json::object& reply);
    std::shared_ptr<Wire> connect();

    Surroundings& world_;
    asio::any_io_executor executor_;
    const std::vector<std::string>& accounts_;
    OAuth2Model* logins_;
    std::function<NewGrant(const std::string&)> new_grant_;
    ipc::Server* admin_ = nullptr;
    std::shared_ptr<Wire> wire_;  // of the call under way
    std::vector<std::shared_ptr<Wire>> others_;
    std::string buffer_;
    std::string method_;  // empty: nothing is under way
    std::string account_;
    std::uint64_t turn_ = 0;
    bool holding_ = false;
    bool tidying_ = false;
    std::map<std::string, Expected> expected_;
};

}  // namespace tb::sim
