// See audit_admin.hpp. What came of a call is read from its reply: an error, with its reason, or
// none. Reasons are for people and hold no secret; parameters are not copied, but the name of the
// account or client.
#include "daemon/audit_admin.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/account_name.hpp"
#include "proto/interfaces.hpp"

namespace tb::daemon {
namespace {

constexpr std::array looking{"GetStatus", "ListClients", "ExplainAccess", "ReadAudit",
                             "Diagnose",  "FinishLogin", "RestoreData"};

std::string named(const boost::json::object& parameters, std::string_view member) {
    const auto* value = parameters.if_contains(member);
    if (value == nullptr || !value->is_string()) return {};
    const std::string_view text(value->get_string());
    if (member == "client") return is_client_name(text) ? std::string(text) : "(no name)";
    return check_account_name(text) ? std::string(text) : "(no name)";
}

std::string reason_of(const proto::Reply& reply) {
    std::string out = reply.error.substr(reply.error.rfind('.') + 1);
    for (const std::string_view member : {"reason", "parameter"})
        if (const auto* value = reply.parameters.if_contains(member); value && value->is_string())
            out.append(": ").append(std::string_view(value->get_string()));
    if (const auto* mistakes = reply.parameters.if_contains("mistakes"))
        if (const auto* lines = mistakes->if_array())
            out += fmt::format(": {} mistake(s)", lines->size());
    return out;
}

void note(Audit& audit, const ipc::Caller& caller, const std::string& method,
          const std::string& what, std::string_view frame) {
    while (!frame.empty() && frame.back() == '\0')
        frame.remove_suffix(1);
    const auto reply = proto::parse_reply(frame);
    const bool done = reply && reply->error.empty();
    audit.admin(&caller, method, what, done, done || !reply ? std::string() : reason_of(*reply));
}

class AuditedPending final : public ipc::Pending {
  public:
    AuditedPending(std::shared_ptr<ipc::Pending> inner, Audit& audit, std::string method,
                   std::string what)
        : inner_(std::move(inner)),
          audit_(audit),
          method_(std::move(method)),
          what_(std::move(what)) {}
    void stream(std::string_view frame) override { inner_->stream(frame); }
    void finish(std::string_view frame) override {
        note(audit_, inner_->caller(), method_, what_, frame);
        inner_->finish(frame);
    }
    std::size_t unsent_bytes() const override { return inner_->unsent_bytes(); }
    void on_drained(std::function<void()> callback) override {
        inner_->on_drained(std::move(callback));
    }
    void on_gone(std::function<void()> callback) override { inner_->on_gone(std::move(callback)); }
    bool gone() const override { return inner_->gone(); }
    const ipc::Caller& caller() const override { return inner_->caller(); }

  private:
    std::shared_ptr<ipc::Pending> inner_;
    Audit& audit_;
    std::string method_;
    std::string what_;
};

}  // namespace

bool is_audited(std::string_view admin_method) {
    return std::ranges::find(looking, admin_method) == looking.end();
}

std::string_view shown_method(const proto::Call& call) {
    const std::string_view name = call.method_name();
    constexpr std::string_view before = "\nmethod ";
    for (std::string_view text = proto::admin_varlink;;) {
        const std::size_t at = text.find(before);
        if (at == std::string_view::npos) return "(unknown method)";
        text.remove_prefix(at + before.size());
        if (text.substr(0, text.find('(')) == name) return name;
    }
}

AuditedCall::AuditedCall(ipc::Connection& inner, const proto::Call& call, Audit& audit)
    : inner_(inner),
      audit_(audit),
      method_(shown_method(call)),
      what_(named(call.parameters, "account")),
      before_(inner.out().size()) {
    if (what_.empty()) what_ = named(call.parameters, "client");
}

std::shared_ptr<ipc::Pending> AuditedCall::defer() {
    deferred_ = true;
    return std::make_shared<AuditedPending>(inner_.defer(), audit_, method_, what_);
}

void AuditedCall::dispatched() {
    if (deferred_ || inner_.out().size() <= before_) return;
    const std::string frame = inner_.out().substr(before_);
    note(audit_, inner_.caller(), method_, what_, frame);
}

}  // namespace tb::daemon
