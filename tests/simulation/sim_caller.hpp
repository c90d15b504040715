// A local process in the simulation: connects, asks, waits, watches, sends in pieces, reads late,
// vanishes. Judges what it is given.
#pragma once

#include <memory>
#include <string>

#include "ipc/server.hpp"
#include "tests/simulation/sim_idp.hpp"
#include "tests/simulation/sim_stream.hpp"

namespace tb::sim {

class SimCaller : public std::enable_shared_from_this<SimCaller> {
  public:
    // accounts: those it asks for; permitted: it has the right to them.
    SimCaller(uid_t uid, bool permitted, std::vector<std::string> accounts, SimClock& clock,
              SimRandom& random, const Options& options, SimIdp& idp, Checker& checker);
    // A new daemon is there (or the old one still): connects to it from now on. nullptr: there is
    // none.
    void attach(ipc::Server* server, asio::any_io_executor executor);
    void begin();
    // No more calls; after the faults are over it asks each account once more and reports what it
    // got.
    void hold() { holding_ = true; }

  private:
    void act();
    void connect();
    void disconnect();
    void ask();
    void expect_answer(std::uint64_t turn, std::int64_t timeout_ms);
    void watch();
    void arrived();
    void frame(std::string_view text);
    void answered(std::string_view text);

    uid_t uid_;
    bool permitted_;
    std::vector<std::string> accounts_;
    SimClock& clock_;
    SimRandom& random_;
    const Options& options_;
    SimIdp& idp_;
    Checker& checker_;
    ipc::Server* server_ = nullptr;
    asio::any_io_executor executor_;
    std::shared_ptr<Wire> wire_;
    std::string buffer_;
    bool holding_ = false;
    bool waiting_ = false;  // for one answer
    bool watching_ = false;
    std::string asked_;  // the account, with its user where there is one
    Millis promised_{0};
    std::uint64_t turn_ = 0;  // a late timer of an earlier question knows it by this
    std::map<std::string, std::int64_t> newest_generation_;
};

}  // namespace tb::sim
