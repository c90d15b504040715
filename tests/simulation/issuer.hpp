// The providers' books: which grant and which access token is good for whom, and until when, in
// the providers' own time. Nobody else knows, so what is handed out and what is presented is judged
// by what stands here. Tokens end in "-<family>-<number>": a look-up is two numbers, never a
// search.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tests/simulation/checker.hpp"
#include "tests/simulation/options.hpp"

namespace tb::sim {

// What a provider does with a refresh token that it has already replaced.
enum class OldGrant : std::uint8_t { reject, grace, revoke_family, still_valid };
const char* to_string(OldGrant policy);

// How often an account may be asked for: a bucket that fills with time. See checks.cpp.
struct Budget {
    double left = 40;
    std::int64_t at_ms = 0;
};

// One grant and its successors.
struct Family {
    std::uint32_t id = 0;
    std::string account;  // "w0/a1"; of a token on demand "r0/a1?user_id"
    OldGrant policy = OldGrant::reject;
    bool rotates = true;  // each success brings a new refresh token
    Millis lifetime{0};   // of its access tokens; 0: for ever
    Millis grant_life{0};
    Millis told_too_long{0};  // the wire rounds: lifetimes may be told this much too long
    int issued = 0;           // refresh tokens so far; the newest is the current one
    int acknowledged = -1;    // the newest that our store acknowledged
    std::int64_t rotated_ms = 0;
    bool revoked = false;
    bool revoked_by_operator = false;
    bool answer_lost = false;  // the last success was not delivered
    int in_flight = 0;
    std::int64_t answered_ms =
        -1;            // an exchange got an answer: what follows at once is its next step
    int accesses = 0;  // access tokens so far
    std::array<std::int64_t, 64> expires_ms{};  // of the newest ones, by number
    Budget* budget = nullptr;                   // of the account, whatever grant it has
};

class Issuer {
  public:
    Issuer(SimClock& clock, SimRandom& random, const Options& options, Checker& checker)
        : clock_(clock), random_(random), options_(options), checker_(checker) {}

    Family& enrol(std::string account, OldGrant policy, bool rotates, Millis lifetime,
                  Millis grant_life);
    static std::string refresh_token(const Family& family, int number);
    static std::string access_token(const Family& family, int number);
    struct Named {
        Family* family = nullptr;
        int number = -1;
    };
    // Of any text that ends like one of our tokens.
    Named named(std::string_view token);
    Family* by_id(std::uint32_t id) { return id < families_.size() ? &families_[id] : nullptr; }

    // A refresh token is presented and, unless refused, used up.
    enum class Spent : std::uint8_t { renewed, same_again, refused };
    Spent spend(Family& family, int number);
    // A new access token; what is told of its life.
    struct Access {
        std::string token;
        Millis lifetime{0};
        std::int64_t expires_ms = 0;
    };
    Access mint(Family& family);
    Access newest(Family& family);  // the last one again

    void acknowledged(std::string_view refresh_token);
    // Somebody asked for more of this account than time alone would: allowed.
    void credit(std::string_view account, double calls);
    void credit_all(double calls);
    bool alive(const Family& family, int number) const;
    // Was the grant lost in a way that nobody could have avoided?
    bool lost_unavoidably(const Family& family) const;

    std::int64_t now_ms() const { return clock_.world_ms(); }
    std::int64_t wall_ms() const { return 1'800'000'000'000 + clock_.world_ms(); }
    SimRandom& random() { return random_; }
    Checker& checker() { return checker_; }
    const Options& options() const { return options_; }
    // A boundary of the world: how far the host's clocks may be off by drift after this long.
    std::int64_t drift_ms(Millis span) const;

  private:
    SimClock& clock_;
    SimRandom& random_;
    const Options& options_;
    Checker& checker_;
    std::deque<Family> families_;
    std::map<std::string, Budget, std::less<>> budgets_;  // by account
};

}  // namespace tb::sim
