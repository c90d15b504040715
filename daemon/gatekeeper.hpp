// May this caller have that account's tokens? And who is told when not: the caller learns no more
// than that there is no such account, the log says who, what, and which config line would allow it.
#pragma once

#include <sys/types.h>

#include <map>
#include <utility>

#include "base/log.hpp"
#include "base/time.hpp"
#include "daemon/account.hpp"
#include "daemon/audit.hpp"

namespace tb::daemon {

class Gatekeeper {
  public:
    Gatekeeper(uid_t own_uid, Clock& clock, Log& log, Audit& audit)
        : own_uid_(own_uid), clock_(clock), log_(log), audit_(audit) {}
    bool allows(const ipc::Caller& caller, const Account& account) const;
    // Counts, audits and logs a refusal: the log has the first of a caller and account, then one a
    // minute.
    void refused(const ipc::Caller& caller, std::string_view account_name, Account* account,
                 const Config& config, std::string_view method);
    // For the audit, after a token was put into an answer.
    void handed_out(const ipc::Caller& caller, const Account& account, std::uint64_t generation,
                    BootTime now, std::string_view method = "GetToken") {
        audit_.handed_out(caller, witnessed(caller), account, generation, now, method);
    }
    // The same for an answer that comes later, when other decisions were made in between.
    void handed_out_later(const ipc::Caller& caller, const std::optional<Witnessed>& witnessed,
                          const Account& account, std::uint64_t generation, BootTime now,
                          std::string_view method = "GetToken") {
        audit_.handed_out(caller, witnessed ? &*witnessed : nullptr, account, generation, now,
                          method);
    }
    // What was read of this caller for the decision just made; nullptr: nothing.
    const Witnessed* witnessed(const ipc::Caller& caller) const {
        return witnessed_of_ == &caller ? &witnessed_ : nullptr;
    }

  private:
    uid_t own_uid_;
    Clock& clock_;
    Log& log_;
    Audit& audit_;
    mutable Witnessed witnessed_;
    mutable const ipc::Caller* witnessed_of_ = nullptr;  // only compared
    std::map<std::pair<uid_t, std::string>, BootTime> logged_;
};

}  // namespace tb::daemon
