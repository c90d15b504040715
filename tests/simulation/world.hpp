// One run: a daemon (the real App and server) in a simulated world, from a seed. Lives end by power
// cuts, reboots and clean stops; the disk, the providers, the callers and the operator go on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <set>

#include "daemon/app.hpp"
#include "tests/simulation/internet.hpp"
#include "tests/simulation/model_oauth2.hpp"
#include "tests/simulation/sim_caller.hpp"
#include "tests/simulation/sim_log.hpp"
#include "tests/simulation/sim_operator.hpp"
#include "tests/simulation/sim_store.hpp"

namespace tb::sim {

// One section of the configuration.
struct ClientSpec {
    const char* name;
    const char* provider;
    OldGrant policy;
    bool rotates;
    bool speed;  // it is the provider's one client in the speed scenario
};
std::span<const ClientSpec> client_specs();

class World {
  public:
    explicit World(Options options);
    ~World();
    // Runs to the end, or to the first violation.
    void run();
    // Until so much time has passed in it, or the first violation.
    void run_until(std::int64_t world_ms);
    const Checker& checker() const { return checker_; }
    const Options& options() const { return options_; }
    // The daemon's log, for a failed run.
    const SimLog& log() const { return log_; }

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
    // cast.cpp: who is there.
    daemon::Config make_config() const;
    void make_accounts();
    void make_account(const ClientSpec& spec, int number);
    void make_callers();
    NewGrant new_grant(const std::string& account);
    Family& enrol(const ClientSpec& spec, const std::string& account);
    bool permitted(uid_t uid, std::string_view account) const;
    bool has(const ClientSpec& spec) const { return !options_.one_client_each || spec.speed; }

    // world.cpp: its course.
    void start_life();
    void end_life(bool crash);
    awaitable<void> stop_life();
    awaitable<void> never_ends();  // a canary
    void crash();
    void settle();  // everything that can run without time passing
    Family* family_of(const daemon::Account& account);
    void check_recovered();

    // chaos.cpp: what goes wrong.
    void plan(std::int64_t every_s, void (World::*what)());
    void plan_faults();
    void stop_faults();
    void ask_for_crash() { crash_due_ = true; }
    void step_wall();
    void suspend();
    void outage();
    void mend();  // an operator enrols anew what was lost
    void reload();
    void flood();
    void flood_connections(std::vector<std::shared_ptr<Wire>>& wires);
    void flood_watches(std::vector<std::shared_ptr<Wire>>& wires);
    void flood_waiters(std::vector<std::shared_ptr<Wire>>& wires);

    Options options_;
    SimClock clock_;
    SimRandom random_;
    Checker checker_;
    asio::io_context context_{1};
    SimLog log_;
    Disk disk_;
    Issuer issuer_;
    Internet internet_;
    std::vector<std::unique_ptr<Model>> models_;
    OAuth2Model* oauth2_ = nullptr;  // the one that logs people in
    Surroundings surroundings_;
    std::vector<std::string> accounts_;  // all names, also of those removed just now
    std::vector<std::shared_ptr<SimCaller>> callers_;
    std::shared_ptr<SimOperator> operator_;
    std::unique_ptr<Life> life_;
    bool life_ended_ = false;
    bool crash_due_ = false;
    bool quiet_ = false;  // the faults are over
    bool flooding_ = false;
    // The configuration as it is now.
    std::string absent_client_;  // its section is gone
    std::string closed_client_;  // uid 1000 has no right to it
    int exchanges_max_ = 64;
};

}  // namespace tb::sim
