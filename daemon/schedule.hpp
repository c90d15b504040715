// When an account is next looked at, and why: one pure function over its state. The loop asks again
// after each wake-up, so an answer that is too early costs a look, never a call.
#pragma once

#include <optional>

#include "daemon/account.hpp"
#include "daemon/lifetime.hpp"

namespace tb::daemon {

struct Due {
    BootTime at{};
    const char* why = "";  // for status: "at 0.70 of its life"
    enum class What : std::uint8_t { renew, probe, notice } what = What::renew;
};

// nullopt: nothing to do by itself (static, on demand, login required, paused).
std::optional<Due> next_due(const Account& account, Moment at);

// `when_used`: was it read or watched since the previous renewal, or within max(L, 10 min)?
bool in_use(const Account& account, Moment at);

}  // namespace tb::daemon
