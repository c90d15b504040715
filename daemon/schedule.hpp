// When an account is next looked at, and why: one pure function over its state. The loop asks again
// after each wake-up, so an answer that is too early costs a look, never a call.
#pragma once

#include <optional>

#include "daemon/account.hpp"
#include "daemon/lifetime.hpp"

namespace tb::daemon {

// The reason to which status adds the fraction that was drawn: "at 0.70 of its life".
inline constexpr std::string_view ahead_of_expiry = "ahead of its expiry";

struct Due {
    BootTime at{};
    std::string_view why;  // for status, static text
    enum class What : std::uint8_t { renew, probe } what = What::renew;
};

// nullopt: nothing to do by itself (static, on demand, login required, paused).
std::optional<Due> next_due(const Account& account, Moment at);
// When those who watch are told that the token in hand nears its end with no newer one: once each
// token, also while an exchange is under way or waits for its origin.
std::optional<Due> expiry_notice(const Account& account, Moment at);

// `when_used`: was it read or watched since the previous renewal, or within max(L, 10 min)?
bool in_use(const Account& account, Moment at);

}  // namespace tb::daemon
