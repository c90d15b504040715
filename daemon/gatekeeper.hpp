// May this caller have that account's tokens? And who is told when not: the caller learns no more
// than that there is no such account, the log says who, what, and which config line would allow it.
#pragma once

#include <sys/types.h>

#include <map>
#include <utility>

#include "base/log.hpp"
#include "base/time.hpp"
#include "daemon/account.hpp"

namespace tb::daemon {

class Gatekeeper {
  public:
    Gatekeeper(uid_t own_uid, Clock& clock, Log& log)
        : own_uid_(own_uid), clock_(clock), log_(log) {}
    bool allows(const ipc::Caller& caller, const Account& account) const;
    // Counts and logs a refusal: the first of a caller and account, then once a minute.
    void refused(const ipc::Caller& caller, std::string_view account_name, Account* account,
                 const std::vector<AccessRule>& rules);

  private:
    uid_t own_uid_;
    Clock& clock_;
    Log& log_;
    std::map<std::pair<uid_t, std::string>, BootTime> logged_;
};

}  // namespace tb::daemon
