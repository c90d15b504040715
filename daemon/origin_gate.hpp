// What may be sent to an origin now: the caps (per origin and in all), the breaker, and the waits
// that the provider asked for, all shared by the accounts of an origin. Pure: time comes in with
// each call. The breaker opens after limits::breaker_failures RETRY-class failures in a row; then
// one probe a backoff step. A refusal or a misconfiguration of one account is an answer: it closes
// the breaker, never opens it. Many refusals within a minute are an incident of the origin: it is
// paused, and the accounts keep their grants.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"

namespace tb::daemon {

enum class OriginResult : std::uint8_t {
    answered,  // success, or a parsed refusal
    failed,    // RETRY-class: says that the origin is not well
    neutral,   // says nothing of it (our store failed, nothing was sent)
};

struct Admission {
    enum class Kind : std::uint8_t { go, full, blocked };
    Kind kind = Kind::go;
    BootTime until{};      // of blocked
    std::string_view why;  // "its breaker is open", "Retry-After"
};

class OriginGate {
  public:
    OriginGate(int exchanges_max, int per_origin_max)
        : all_max_(exchanges_max), each_max_(per_origin_max) {}
    void set_caps(int exchanges_max, int per_origin_max);

    // May an exchange start? `kick`: an operator asks, the breaker counts as half open. Doesn't
    // take a place.
    Admission check(std::string_view origin, BootTime now, bool kick = false) const;
    // Takes a place; check() said go.
    void start(std::string_view origin, BootTime now);
    void finish(std::string_view origin, BootTime now, OriginResult result, Millis retry_after,
                Random& random);
    // A parsed refusal of a grant. True: there were too many within a minute; the origin is now
    // paused, don't believe it.
    bool note_refusal(std::string_view origin, BootTime now);

    int in_flight() const { return in_flight_; }
    struct Alarm {
        std::string origin;
        std::string text;
        BootTime until{};
    };
    std::vector<Alarm> alarms(BootTime now) const;

  private:
    struct Origin {
        int in_flight = 0;
        int failures_in_row = 0;
        int breaker_steps = 0;  // 0: closed
        bool probing = false;   // half open: one exchange is on its way
        BootTime breaker_until{};
        BootTime asked_until{};   // Retry-After
        BootTime paused_until{};  // incident
        std::deque<BootTime> refusals;
    };
    const Origin* find(std::string_view origin) const;
    Origin& at(std::string_view origin);

    std::map<std::string, Origin, std::less<>> origins_;
    int all_max_;
    int each_max_;
    int in_flight_ = 0;
};

}  // namespace tb::daemon
