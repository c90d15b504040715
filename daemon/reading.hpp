// What a reader gets, pure. An explicit min_remaining is a promise, kept or refused. Without one a
// quarter of the life (at most 30 s) is aimed at, but whatever is still valid for a moment is
// better than an error. Nothing expired is ever served.
#pragma once

#include <optional>

#include "base/time.hpp"

namespace tb::daemon {

struct ReadFacts {
    Millis remaining{};              // of the token in hand; 0: none, max: no expiry
    std::optional<Millis> lifetime;  // of the newest token of this slot
    std::optional<Millis> longest;   // that this provider ever gives
    // What the newest token had left when it came, if it came a moment ago (came_just_now): another
    // one would have no more.
    std::optional<Millis> newest_had;
    Millis hand_out_min{1'000};
    std::optional<Millis> min_remaining;  // what the caller asked
    bool rejected_by_caller = false;      // this caller reported this generation
};

enum class ReadVerdict : std::uint8_t {
    serve,
    renew,      // wait for a renewal
    too_short,  // no token can last that long
};

// Is a token that came this long ago so new that a renewal would bring no longer one? A tenth of
// its life, 1 to 30 s: a caller who asks for more than is left on arrival has one renewal in
// that time, not one after the other.
bool came_just_now(Millis ago, Millis lifetime);
ReadVerdict judge_read(const ReadFacts& facts);
// The renewal can't be had (failed, or the time is up): is what is in hand good enough after all?
bool serves_without_renewal(const ReadFacts& facts);
// The longest that can be had, for people; zero if nobody knows.
Millis longest_of(const ReadFacts& facts);
// What is aimed at for a token of this life when the caller said nothing.
Millis aim_of(std::optional<Millis> lifetime, Millis hand_out_min);

}  // namespace tb::daemon
