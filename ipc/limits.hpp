// Who holds how much, by uid, over all sockets of the process: dbus-broker's habit of charging
// every resource to the uid that uses it. Lives on the brain thread. Each add_* either takes what
// was asked for as a whole or takes nothing; what was taken is given back by the remove_* beside
// it.
#pragma once

#include <sys/types.h>

#include <unordered_map>

namespace tb::ipc {

class Limits {
  public:
    // limits::connections_max and connections_per_uid_max. The last connections_reserved places go
    // to uids that hold few: a handful of greedy ones can't lock everybody else out.
    bool add_connection(uid_t uid);
    void remove_connection(uid_t uid);
    // Calls that wait for a renewal: limits::waiters_per_uid_max.
    bool add_waiter(uid_t uid);
    void remove_waiter(uid_t uid);
    // Accounts watched: limits::watches_per_uid_max.
    bool add_watches(uid_t uid, int n);
    void remove_watches(uid_t uid, int n);

    // Memory that waits for the clients of this uid: limits::bytes_held_per_uid_max.
    bool add_bytes(uid_t uid, int n);
    void remove_bytes(uid_t uid, int n);

    int connections() const { return connections_; }

  private:
    struct Held {
        int connections = 0;
        int waiters = 0;
        int watches = 0;
        int bytes = 0;
    };
    bool add(uid_t uid, int Held::* what, int n, int most);
    void remove(uid_t uid, int Held::* what, int n);

    std::unordered_map<uid_t, Held> held_;  // only uids that hold something
    int connections_ = 0;
};

}  // namespace tb::ipc
