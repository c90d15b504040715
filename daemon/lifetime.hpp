// The lifetime rule, pure. A token's life L counts from when its request was sent, on the boot
// clock. After a reboot the boot clock says nothing of the past: then remaining = min(by the wall
// clock, L), and a wall clock before the time of issue means expired.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.hpp"
#include "storage/records.hpp"

namespace tb::daemon {

// What all decisions of one moment see: read once, so that they agree.
struct Moment {
    BootTime now{};
    WallTime wall{};
};

struct Life {
    BootTime sent_at{};     // on this boot's clock; may lie before its start
    BootTime expires_at{};  // BootTime::max() without an expiry
};

Life life_of(const storage::TokenRecord& token, Moment at, std::string_view boot_id);

// When a token of life `lifetime` is renewed ahead of its expiry.
BootTime renew_at(BootTime sent_at, Millis lifetime, double fraction);

// A wall time of the future or past on this boot's clock; saturates.
BootTime to_boot(WallTime when, Moment at);

}  // namespace tb::daemon
