// Watches one call of an operator from its dispatch to its last answer, and writes what came of it
// into the audit: so no method has to think of it, and a new one is covered as it comes.
#pragma once

#include <memory>
#include <string>

#include "daemon/audit.hpp"
#include "ipc/service.hpp"

namespace tb::daemon {

// Methods that change nothing are not audited, FinishLogin is a part of Login, and RestoreData a
// part of a restore: Keeper writes what came of it as a whole.
bool is_audited(std::string_view admin_method);

// The method's name as the audit and the log may show it: one of the interface. What else a caller
// wrote there has any length and may be a secret in the wrong place.
std::string_view shown_method(const proto::Call& call);

class AuditedCall final : public ipc::Connection {
  public:
    AuditedCall(ipc::Connection& inner, const proto::Call& call, Audit& audit);
    // After the dispatch: an answer that was given at once is noted here.
    void dispatched();

    const ipc::Caller& caller() const override { return inner_.caller(); }
    std::string& out() override { return inner_.out(); }
    std::shared_ptr<ipc::Pending> defer() override;
    void close() override { inner_.close(); }

  private:
    ipc::Connection& inner_;
    Audit& audit_;
    std::string method_;
    std::string what_;
    std::size_t before_;
    bool deferred_ = false;
};

}  // namespace tb::daemon
