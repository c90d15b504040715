// Login, FinishLogin: a person enrols an account without pasting a grant. The provider's Login says
// what to send, show and wait for; here it is done. What must stay true: until the provider has
// answered with a grant nothing is changed, and from then on the grant is never dropped, even if
// nobody waits for it any more. A login that ends while a renewal is in flight supersedes it.
#include <string.h>

#include <algorithm>
#include <utility>

#include "base/limits.hpp"
#include "base/redirect.hpp"
#include "daemon/admin_service.hpp"
#include "daemon/arguments.hpp"
#include "daemon/errors.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {

using providers::Done;
using providers::Failed;
using providers::LoginFlow;
using providers::LoginStep;

namespace {

std::string random_id(Random& random) {
    const std::uint64_t high = random.u64();  // drawn in order, whatever the compiler
    const std::uint64_t low = random.u64();
    return fmt::format("{:016x}{:016x}", high, low);
}

Failed ended(std::string code, std::string reason) {
    Failed failed;
    failed.failure = FailureClass::retry;
    failed.code = std::move(code);
    failed.reason = std::move(reason);
    return failed;
}

std::string admin_refused(const std::string& reason) {
    return proto::make_error("io.tokenbroker.admin.Refused", {{"reason", reason}});
}

std::string login_failed(const std::string& account, const Failed& failure) {
    std::string reason = fmt::format("{}: the login failed: {}; nothing was changed", account,
                                     failure.reason.empty() ? failure.code : failure.reason);
    // Or the command would advise to paste a grant, which nobody has here.
    if (failure.failure == FailureClass::reauth)
        reason += fmt::format("; run: tokenbroker login {}", account);
    return proto::make_error(
        "io.tokenbroker.admin.RenewalFailed",
        {{"account", account}, {"class", to_string(failure.failure)}, {"reason", reason}});
}

}  // namespace

Result<LoginFlow> AdminService::choose_flow(const ClientConfig& client,
                                            const std::vector<std::string>& wanted) const {
    const std::vector<LoginFlow> flows = client.provider->login_flows(client.settings);
    std::string known;
    for (const LoginFlow flow : flows) {
        // A person's password is asked for only where somebody says so.
        if (wanted.empty() && flow != LoginFlow::password) return flow;
        known += fmt::format("{}{}", known.empty() ? "" : ", ", to_string(flow));
    }
    for (const std::string& name : wanted)
        for (const LoginFlow flow : flows)
            if (to_string(flow) == name) return flow;
    const std::string& name = client.settings.name;
    if (known.empty())
        return Error{errc::config,
                     fmt::format("accounts of client {} can't be logged in to with its "
                                 "configuration; run: tokenbroker account add {}/NAME",
                                 name, name)};
    return Error{errc::config, fmt::format("client {} can log in by {} only", name, known)};
}

void AdminService::login(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    auto session = std::make_shared<LoginSession>(deps_.brain);
    auto enrolment = session->enrolment = std::make_shared<Enrolment>();
    enrolment->name = arguments.text("account", limits::account_name_bytes_max);
    const auto flows =
        arguments.texts("flows", limits::parameters_max, limits::account_name_bytes_max, false);
    session->request.redirect_uri =
        arguments.optional_text("redirect_uri", limits::parameter_bytes_max).value_or("");
    const auto* secrets = call.parameters.if_contains("secrets");
    if (secrets != nullptr && !secrets->is_null())
        session->request.given =
            arguments.secrets("secrets", limits::parameters_max, limits::secret_bytes_max);
    enrolment->attributes =
        arguments.map("attributes", limits::attributes_max, limits::attribute_bytes_max);
    enrolment->replace = enrolment->logged_in = true;
    enrolment->wait = limits::reader_timeout_default_ms;
    std::string wrong = arguments.wrong();
    if (wrong.empty() && !session->request.redirect_uri.empty() &&
        !is_loopback_redirect(session->request.redirect_uri))
        wrong = "redirect_uri";
    if (!wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    if (!call.more) {
        connection.out() += ipc::expected_more();
        return;
    }
    const auto refuse = [&](const std::string& why) { connection.out() += admin_refused(why); };
    if (!fits_a_client(connection, *enrolment)) return;
    const auto flow = choose_flow(*enrolment->client->client, flows);
    if (!flow) return refuse(flow.error().message);
    session->request.flow = *flow;
    if (*flow == LoginFlow::code && session->request.redirect_uri.empty()) {
        connection.out() += ipc::invalid_parameter("redirect_uri");
        return;
    }
    if (stopping_ || logins_.size() >= limits::logins_max)
        return refuse("too many people log in just now; try again in a moment");
    session->id = random_id(deps_.random);
    session->deadline = deps_.clock.now() + limits::login_ms_max;
    logins_[session->id] = session;
    enrolment->pending = connection.defer();
    const std::weak_ptr<LoginSession> weak = session;
    enrolment->pending->on_gone([weak] {
        const auto self = weak.lock();
        if (!self) return;
        self->ended = true;
        self->changed.notify_all();
    });
    spawn(deps_.brain, "login", log_in(std::move(session)));
}

void AdminService::finish_login(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const std::string id = arguments.text("login", limits::account_name_bytes_max);
    std::string query = arguments.text("query", limits::redirect_query_bytes_max);
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    const auto found = logins_.find(id);
    if (found == logins_.end() || found->second->redirected || found->second->ended ||
        found->second->request.flow != LoginFlow::code) {
        connection.out() += admin_refused("there is no such login, or it has ended");
        return;
    }
    found->second->query = std::move(query);
    found->second->redirected = true;
    found->second->changed.notify_all();
    connection.out() += proto::make_reply({});
}

void AdminService::show(const LoginSession& session, const providers::Show& show) const {
    boost::json::object reply;
    reply["login"] = session.id;
    reply["flow"] = to_string(session.request.flow);
    reply["url"] = show.url;
    if (!show.complete_url.empty()) reply["complete_url"] = show.complete_url;
    if (!show.user_code.empty()) reply["user_code"] = show.user_code;
    reply["expires_in_ms"] =
        std::max<std::int64_t>(0, (session.deadline - deps_.clock.now()).count());
    session.enrolment->pending->stream(proto::make_reply(reply, true));
}

awaitable<void> AdminService::pause_login(Session session, BootTime until, bool until_redirected) {
    const Deadline deadline(deps_.clock, until, [session] { session->changed.notify_all(); });
    while (!session->ended && !deadline.expired() && !(until_redirected && session->redirected))
        co_await session->changed.wait();
}

awaitable<Done> AdminService::perform_login(Session session) {
    const std::shared_ptr<const ClientRuntime> client = session->enrolment->client;
    Result<SecretSet> secrets = co_await broker_.client_secrets(client);
    if (!secrets) co_return ended("client_secret", secrets.error().message);
    const SecretSet no_grant;
    const LoginFlow flow = session->request.flow;
    providers::Context context{.client = client->client->settings,
                               .account = session->enrolment->name,
                               .attributes = session->enrolment->attributes,
                               .grant = no_grant,
                               .client_secrets = *secrets,
                               .parameters = {},
                               .clock = deps_.clock,
                               .random = deps_.random};
    const auto login =
        client->client->provider->begin_login(std::move(context), std::move(session->request));
    LoginStep step = login->start();
    for (int i = 0; i < limits::login_steps_max; ++i) {
        if (auto* done = std::get_if<Done>(&step)) co_return std::move(*done);
        if (auto* send = std::get_if<providers::Send>(&step)) {
            http::Request request = std::move(send->request);
            request.ca_file = client->client->ca_file;
            request.proxy = client->client->proxy;
            http::Outcome outcome = co_await deps_.https.exchange(std::move(request));
            step = login->resume(std::move(outcome));
            continue;
        }
        BootTime until = session->deadline;
        const bool showing = std::holds_alternative<providers::Show>(step);
        if (showing) {
            const auto& shown = std::get<providers::Show>(step);
            if (shown.expires_in > Millis{0})
                until = session->deadline =
                    std::min(session->deadline, deps_.clock.now() + shown.expires_in);
            if (!session->ended) show(*session, shown);
        } else {
            until = std::min(until, deps_.clock.now() + std::get<providers::Pause>(step).wait);
        }
        const bool waits = !showing || flow == LoginFlow::code;
        if (waits) co_await pause_login(session, until, showing);
        if (session->ended) co_return ended("ended", "it was given up");
        if (deps_.clock.now() >= session->deadline && !session->redirected)
            co_return ended("expired", "nobody approved it in time; run it again");
        step = showing ? login->shown(session->query) : login->waited();
        ::explicit_bzero(session->query.data(), session->query.size());
        session->query.clear();
    }
    co_return ended("too_many_steps", "the login did not come to an end");
}

awaitable<void> AdminService::log_in(Session session) {
    const std::shared_ptr<Enrolment> enrolment = session->enrolment;
    Done done = co_await perform_login(session);
    logins_.erase(session->id);
    std::optional<SecretSet> none;
    auto* token = std::get_if<providers::Minted>(&done);
    auto* failed = std::get_if<Failed>(&done);
    // A grant beside a token that is no use was acknowledged all the same: it is kept, and proves
    // itself by a renewal as a pasted one does.
    auto& grant = token != nullptr    ? token->new_grant
                  : failed != nullptr ? failed->new_grant
                                      : none;
    if (grant) {
        enrolment->imported.grant = std::move(*grant);
        if (token != nullptr) {
            enrolment->imported.grant_lifetime = token->grant_lifetime;
            enrolment->imported.notices = std::move(token->warnings);
            enrolment->imported.token = std::move(*token);
        }
        while (enrolling_)
            co_await enrolment_ended_.wait();
        enrolling_ = true;
        co_await enrol(enrolment);
        co_return;
    }
    Failed failure =
        ended("no_refresh_token",
              "the provider gave an access token but no refresh token, so that nothing "
              "could be renewed; ask for offline access in the client section's scopes "
              "or extra parameters");
    if (token != nullptr) failure.failure = FailureClass::config;
    if (failed != nullptr) failure = std::move(*failed);
    deps_.log.notice("{}: a login failed ({}, {}): {}", enrolment->name, to_string(failure.failure),
                     failure.code, failure.reason);
    enrolment->pending->finish(login_failed(enrolment->name, failure));
    enrolment_ended_.notify_all();
}

awaitable<void> AdminService::stop() {
    stopping_ = true;
    keeper_.stop();
    for (const auto& [id, session] : logins_) {
        session->ended = true;
        session->changed.notify_all();
    }
    audit_.changed().notify_all();  // who follows the audit
    while (!logins_.empty() || enrolling_ || audit_readers_ > 0 || diagnosing_)
        co_await enrolment_ended_.wait();
}

}  // namespace tb::daemon
