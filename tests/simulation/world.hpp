// One run: a daemon (the real App and server) in a simulated world, from a seed. Lives end by power
// cuts, reboots and clean stops; the disk, the provider and the callers go on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "daemon/app.hpp"
#include "tests/simulation/sim_caller.hpp"
#include "tests/simulation/sim_store.hpp"

namespace tb::sim {

// Of the clients w0..w3.
OldGrant policy_of(int client);

class World {
  public:
    explicit World(Options options);
    ~World();
    // Runs to the end, or to the first violation.
    void run();
    const Checker& checker() const { return checker_; }
    // The daemon's log, for a failed run.
    std::vector<std::string> log_tail(std::size_t lines) const;

  private:
    // One process of the daemon, from start to its end.
    struct Life {
        std::unique_ptr<SimStore> store;
        std::unique_ptr<SimHttps> https;
        std::shared_ptr<ipc::Limits> limits;
        std::unique_ptr<daemon::App> app;
        std::unique_ptr<ipc::Server> server;
        std::unique_ptr<ipc::Server> admin;
    };
    daemon::Config make_config() const;
    void make_accounts();
    void make_callers();
    void plan(std::int64_t every_s, void (World::*what)());
    void start_life();
    void end_life(bool crash);
    awaitable<void> stop_life();
    void crash();
    void step_wall();
    void suspend();
    void outage();
    void operate();  // an operator enrols anew what was lost, and now and then what was not
    void run_until(std::int64_t world_ms);
    void settle();  // everything that can run without time passing
    void check_recovered();
    void admin_call(const std::string& frame);

    Options options_;
    SimClock clock_;
    SimRandom random_;
    Checker checker_;
    asio::io_context context_{1};
    MemoryLog log_;
    Disk disk_;
    SimIdp idp_;
    std::vector<std::shared_ptr<SimCaller>> callers_;
    std::unique_ptr<Life> life_;
    bool life_ended_ = false;
    bool crash_due_ = false;
    bool quiet_ = false;  // the faults are over
    std::vector<std::shared_ptr<Wire>> admin_wires_;
};

}  // namespace tb::sim
