// A local process in the simulation: connects, asks, waits, watches, reports rejections, sends in
// pieces, reads late, stalls, vanishes. Judges what it is given.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ipc/server.hpp"
#include "tests/simulation/checks.hpp"
#include "tests/simulation/sim_stream.hpp"

namespace tb::sim {

// What callers know of the world they live in; outlives them.
struct Surroundings {
    SimClock& clock;
    SimRandom& random;
    const Options& options;
    Issuer& issuer;
    Disk& disk;
    Checker& checker;
    ipc::Server* server = nullptr;  // nullptr: there is no daemon just now
    daemon::App* app = nullptr;
    // May this uid have that account's tokens under the configuration of now, and when did that
    // last change?
    std::function<bool(uid_t, std::string_view)> permitted{};
    std::int64_t rules_changed_ms = -1'000'000;
    // Users of accounts on demand: "r0/a1" -> "r0/a1?user_id" each.
    std::map<std::string, std::vector<std::string>, std::less<>> users{};
    std::uint64_t resumptions = 0;  // asked for by the operator, of any account
};

class SimCaller : public std::enable_shared_from_this<SimCaller> {
  public:
    // accounts: those it asks for. every: the mean time between two acts; exact for one that reads
    // on the hour.
    SimCaller(uid_t uid, std::vector<std::string> accounts, Surroundings& world,
              asio::any_io_executor executor, Millis every, bool on_the_hour);
    void begin();
    void daemon_gone() { disconnect(); }
    // No more calls.
    void hold() { holding_ = true; }

  private:
    struct Known {
        storage::AccountId id = 0;
        std::uint64_t generation = 0;
    };
    void act();
    bool connect();
    void disconnect();
    void ask();
    void send_in_pieces(const std::string& call, std::int64_t timeout_ms);
    void expect_answer(std::uint64_t turn, std::int64_t timeout_ms);
    void report();
    void watch();
    void look_over_watch(std::uint64_t turn);
    void stall();
    void arrived();
    void frame(std::string_view text);
    void event(std::string_view text);
    void answered(std::string_view text);
    void refused(std::string_view error);
    void judge(std::string_view account, std::string_view text, Millis promised);
    bool permitted(std::string_view account) const {
        return world_.permitted(uid_, account.substr(0, account.find('?')));
    }
    bool rules_are_new() const;
    std::optional<std::pair<storage::AccountId, std::uint64_t>> paused(
        std::string_view account) const;

    uid_t uid_;
    std::vector<std::string> accounts_;
    Surroundings& world_;
    asio::any_io_executor executor_;
    Millis every_;
    bool on_the_hour_;
    std::shared_ptr<Wire> wire_;
    std::string buffer_;
    bool holding_ = false;
    bool waiting_ = false;  // for one answer
    bool reporting_ = false;
    bool watching_ = false;
    bool stalled_ = false;
    bool read_late_ = false;  // has stalled: what it reads may be older than now
    bool permitted_when_asked_ = false;
    // If it was paused then: its id, and how many accounts were resumed so far.
    std::optional<std::pair<storage::AccountId, std::uint64_t>> paused_when_asked_;
    std::string asked_;  // the account, with its user where there is one
    Millis promised_{0};
    std::uint64_t turn_ = 0;  // a late timer of an earlier question knows it by this
    std::map<std::string, Known, std::less<>> newest_;
    std::map<std::string, std::uint64_t, std::less<>> watched_;  // generation, 0: none yet
    std::string last_answer_;
};

}  // namespace tb::sim
