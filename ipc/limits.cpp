// The counts. What must stay true: an entry exists only while its uid holds something, so that
// strangers who come and go leave nothing behind.
#include "ipc/limits.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "ipc/server.hpp"

namespace tb::ipc {

bool Limits::add(uid_t uid, int Held::* what, int n, int most) {
    TB_ASSERT(n >= 0);
    if (n == 0) return true;
    const auto found = held_.find(uid);
    const int now = found == held_.end() ? 0 : found->second.*what;
    if (n > most - now) return false;
    held_[uid].*what = now + n;
    return true;
}

void Limits::remove(uid_t uid, int Held::* what, int n) {
    if (n == 0) return;
    const auto found = held_.find(uid);
    TB_ASSERT(n > 0 && found != held_.end() && found->second.*what >= n);
    Held& held = found->second;
    held.*what -= n;
    const bool nothing = held.connections == 0 && held.waiters == 0 && held.watches == 0;
    if (nothing && held.bytes == 0) held_.erase(found);
}

bool Limits::add_connection(uid_t uid) {
    if (connections_ >= limits::connections_max) return false;
    const bool scarce = connections_ >= limits::connections_max - limits::connections_reserved;
    const int most =
        scarce ? limits::connections_per_uid_when_scarce : limits::connections_per_uid_max;
    if (!add(uid, &Held::connections, 1, most)) return false;
    ++connections_;
    return true;
}

void Limits::remove_connection(uid_t uid) {
    remove(uid, &Held::connections, 1);
    --connections_;
}

bool Limits::add_waiter(uid_t uid) {
    return add(uid, &Held::waiters, 1, limits::waiters_per_uid_max);
}

void Limits::remove_waiter(uid_t uid) {
    remove(uid, &Held::waiters, 1);
}

bool Limits::add_watches(uid_t uid, int n) {
    return add(uid, &Held::watches, n, limits::watches_per_uid_max);
}

void Limits::remove_watches(uid_t uid, int n) {
    remove(uid, &Held::watches, n);
}

bool Limits::add_bytes(uid_t uid, int n) {
    return add(uid, &Held::bytes, n, limits::bytes_held_per_uid_max);
}

void Limits::remove_bytes(uid_t uid, int n) {
    remove(uid, &Held::bytes, n);
}

std::shared_ptr<Limits> create_limits() {
    return std::make_shared<Limits>();
}

}  // namespace tb::ipc
