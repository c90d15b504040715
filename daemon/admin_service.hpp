// io.tokenbroker.admin: what administrators can ask. Callers are judged here as well as by the
// socket's mode: root, the daemon's own uid, and members of the admin socket's group.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "daemon/admin_keep.hpp"
#include "daemon/audit.hpp"
#include "daemon/broker.hpp"
#include "daemon/gatekeeper.hpp"
#include "ipc/service.hpp"
#include "providers/login.hpp"

namespace tb::daemon {

// Is there room for one more account? Error: what to do.
Result<void> room_for_account(std::size_t present);

class AdminService final : public ipc::Service {
  public:
    struct Hooks {
        std::function<std::size_t()> connections;
        // Every account is under the new configuration: watches are judged again.
        std::function<awaitable<void>()> reconfigured;
    };
    AdminService(const Deps& deps, AccountTable& table, Broker& broker, Audit& audit, Hooks hooks);
    void set_admin_gid(gid_t gid) { admin_gid_ = gid; }

    bool fast_call(ipc::Connection&, std::string_view) override { return false; }
    void call(ipc::Connection& connection, const proto::Call& call) override;
    // Logins end; one whose answer is under way is waited for, since it may bring a grant.
    awaitable<void> stop();
    // SIGHUP and Reload; `done` gets the mistakes, empty if it was taken.
    void reload(
        std::function<void(std::vector<std::string> mistakes, std::vector<std::string> changed)>
            done);

  private:
    using Pending = std::shared_ptr<ipc::Pending>;
    bool may(const ipc::Caller& caller) const;
    void dispatch(ipc::Connection& connection, const proto::Call& call);

    // the audit (admin_audit.cpp)
    struct AuditReader {
        storage::AuditQuery query;
        Pending pending;
        bool follow = false;
        bool more = false;
        bool drained = false;
        bool gone = false;
    };
    void read_audit(ipc::Connection& connection, const proto::Call& call);
    awaitable<void> stream_audit(std::shared_ptr<AuditReader> reader);
    void get_status(ipc::Connection& connection, const proto::Call& call);
    boost::json::object daemon_status() const;
    void list_clients(ipc::Connection& connection);
    void explain_access(ipc::Connection& connection, const proto::Call& call);
    void renew_account(ipc::Connection& connection, const proto::Call& call);
    void reload_call(ipc::Connection& connection);
    using Reloaded = std::function<void(std::vector<std::string>, std::vector<std::string>)>;
    awaitable<void> take_effect(std::vector<std::string> changed, Reloaded done);
    void add_account(ipc::Connection& connection, const proto::Call& call);
    void change_account(ipc::Connection& connection, const proto::Call& call);
    void set_client_secret(ipc::Connection& connection, const proto::Call& call);

    // doctor (admin_diagnose.cpp)
    struct Diagnosis {
        Pending pending;
        bool probe = true;
        bool gone = false;
        std::size_t findings = 0;
        std::size_t probes = 0;  // under way
        std::optional<HostFacts> facts;
        Event changed;
        explicit Diagnosis(const asio::any_io_executor& brain) : changed(brain) {}
    };
    void diagnose(ipc::Connection& connection, const proto::Call& call);
    awaitable<void> examine(std::shared_ptr<Diagnosis> diagnosis);
    awaitable<void> probe_origin(std::shared_ptr<Diagnosis> diagnosis, std::string client);
    void report(Diagnosis& diagnosis, const Findings& findings) const;

    // enrolment (admin_enrol.cpp; over an account that is there: admin_replace.cpp)
    struct Enrolment {
        std::string name;
        std::shared_ptr<const ClientRuntime> client;
        providers::Imported imported;
        storage::Attributes attributes;
        bool replace = false;
        bool logged_in = false;  // the grant is from a login here: nobody else has it
        Millis wait{};
        Pending pending;
    };
    bool fits_a_client(ipc::Connection& connection, Enrolment& enrolment) const;
    awaitable<void> enrol(std::shared_ptr<Enrolment> enrolment);
    awaitable<void> enrol_new(std::shared_ptr<Enrolment> enrolment);
    awaitable<void> put_over(std::shared_ptr<Enrolment> enrolment,
                             std::shared_ptr<Account> account);
    awaitable<void> enrol_over(std::shared_ptr<Enrolment> enrolment,
                               std::shared_ptr<Account> account);
    void give_back_of_login(Enrolment& enrolment);
    awaitable<void> put_static(std::shared_ptr<Enrolment> enrolment,
                               std::shared_ptr<Account> account);
    awaitable<Result<storage::Committed>> keep(std::shared_ptr<Enrolment> enrolment,
                                               std::shared_ptr<storage::Change> change);
    void enrolled(const Enrolment& enrolment, const Account& account, bool proved) const;
    storage::AccountRecord record_of(Enrolment& enrolment) const;
    static storage::AddAccount addition(const storage::AccountRecord& record,
                                        const SecretSet& grant);

    // logging in (admin_login.cpp)
    struct LoginSession {
        std::string id;  // random, so that nobody finishes another's login
        std::shared_ptr<Enrolment> enrolment;
        providers::LoginRequest request;
        BootTime deadline{};
        std::string query;  // what the redirect brought
        bool redirected = false;
        bool ended = false;  // the caller is gone, or the daemon stops
        Event changed;
        explicit LoginSession(const asio::any_io_executor& brain) : changed(brain) {}
    };
    using Session = std::shared_ptr<LoginSession>;
    void login(ipc::Connection& connection, const proto::Call& call);
    void finish_login(ipc::Connection& connection, const proto::Call& call);
    Result<providers::LoginFlow> choose_flow(const ClientConfig& client,
                                             const std::vector<std::string>& wanted) const;
    awaitable<void> log_in(Session session);
    awaitable<providers::Done> perform_login(Session session);
    awaitable<void> pause_login(Session session, BootTime until, bool until_redirected);
    void show(const LoginSession& session, const providers::Show& show) const;
    void revoke_account(ipc::Connection& connection, const proto::Call& call);

    awaitable<void> pause(Pending pending, std::shared_ptr<Account> account, bool paused,
                          bool try_retired);
    awaitable<void> revoke(Pending pending, std::shared_ptr<Account> account);
    awaitable<void> remove(Pending pending, std::shared_ptr<Account> account);
    awaitable<void> store_secret(Pending pending, std::string client,
                                 std::shared_ptr<storage::Change> change);

    const Deps& deps_;
    AccountTable& table_;
    Broker& broker_;
    Audit& audit_;
    Keeper keeper_;
    Hooks hooks_;
    std::optional<gid_t> admin_gid_;
    WallTime started_{};
    std::map<std::string, Session, std::less<>> logins_;
    Event enrolment_ended_;
    std::size_t audit_readers_ = 0;
    bool diagnosing_ = false;
    bool stopping_ = false;
    std::set<storage::AccountId> changing_;  // paused, resumed or removed just now
    bool enrolling_ =
        false;  // enrolments are few: one at a time, so that two can't race for a name
    bool reloading_ = false;
    bool taking_effect_ = false;  // a configuration: some accounts are still under the one before
};

}  // namespace tb::daemon
