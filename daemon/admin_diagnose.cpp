// Diagnose: what only the daemon sees at once, then what was gathered off the brain, then one
// request without secrets to each origin, on the net thread, with a time limit; each finding is
// sent as soon as it is there.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/limits.hpp"
#include "daemon/admin_service.hpp"
#include "daemon/arguments.hpp"
#include "daemon/diagnose.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {

void AdminService::diagnose(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const auto diagnosis = std::make_shared<Diagnosis>(deps_.brain);
    diagnosis->probe = arguments.boolean("probe").value_or(true);
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    if (!ipc::says_more(connection, call)) return;
    if (diagnosing_ || stopping_) {
        connection.out() += proto::make_error("io.tokenbroker.admin.Refused",
                                              {{"reason",
                                                "another doctor is at it; try again in "
                                                "a moment"}});
        return;
    }
    diagnosing_ = true;
    diagnosis->pending = connection.defer();
    diagnosis->pending->on_gone([weak = std::weak_ptr(diagnosis)] {
        if (const auto self = weak.lock()) self->gone = true;
    });
    spawn(deps_.brain, "diagnose", examine(diagnosis));
}

void AdminService::report(Diagnosis& diagnosis, const Findings& findings) const {
    if (findings.empty() || diagnosis.gone) return;
    boost::json::array list;
    for (const Finding& finding : findings) {
        ++diagnosis.findings;
        list.push_back({{"check", finding.check},
                        {"level", to_string(finding.level)},
                        {"what", finding.what},
                        {"why", finding.why},
                        {"run", finding.run}});
    }
    diagnosis.pending->stream(proto::make_reply({{"findings", std::move(list)}}, true));
}

awaitable<void> AdminService::examine(std::shared_ptr<Diagnosis> diagnosis) {
    if (deps_.inspect_host)
        deps_.inspect_host([diagnosis](HostFacts facts) {
            diagnosis->facts = std::move(facts);
            diagnosis->changed.notify_all();
        });
    report(*diagnosis, judge_alarms(broker_));
    AccountsWalk accounts;
    while (!accounts.ended && !diagnosis->gone && !stopping_) {
        report(*diagnosis, judge_some_accounts(accounts, table_, broker_, Turn(deps_.clock)));
        co_await asio::post(deps_.brain, asio::use_awaitable);
    }
    RulesWalk rules{table_.config()};
    while (!rules.ended && !diagnosis->gone && !stopping_) {
        report(*diagnosis, judge_some_rules(rules, table_, Turn(deps_.clock)));
        co_await asio::post(deps_.brain, asio::use_awaitable);
    }
    if (audit_.store() != nullptr && audit_.store()->dropped() > 0) {
        Findings dropped;
        dropped.push_back(
            {"audit", Finding::Level::problem,
             fmt::format("{} event(s) are missing in the audit", audit_.store()->dropped()),
             "the disk was full, or they came too fast", "tokenbroker audit"});
        report(*diagnosis, dropped);
    }
    std::map<std::string, std::string> origins;  // one client of each origin and trust
    for (const auto& [name, client] : table_.config()->clients) {
        const auto runtime = table_.client(name);
        if (runtime) origins.emplace(runtime->origin + ' ' + client.ca_file, name);
    }
    if (!diagnosis->probe) origins.clear();
    for (const auto& [origin, client] : origins) {
        while (diagnosis->probes >= limits::probes_max)
            co_await diagnosis->changed.wait();
        if (diagnosis->gone || stopping_) break;
        ++diagnosis->probes;
        spawn(deps_.brain, "probe", probe_origin(diagnosis, client));
    }
    while (diagnosis->probes > 0 || (deps_.inspect_host && !diagnosis->facts))
        co_await diagnosis->changed.wait();
    if (diagnosis->facts) {
        for (const auto judge : {judge_files, judge_store, judge_system, judge_sockets})
            report(*diagnosis, judge(*diagnosis->facts));
    }
    boost::json::object end;
    end["findings"] = boost::json::array();
    diagnosis->pending->finish(proto::make_reply(end));
    diagnosing_ = false;
    enrolment_ended_.notify_all();
}

// HEAD of the root: no secret, no account, nothing that a provider counts as a login.
awaitable<void> AdminService::probe_origin(std::shared_ptr<Diagnosis> diagnosis,
                                           std::string client) {
    const auto runtime = table_.client(client);
    ProbeFact fact;
    if (runtime) {
        fact.origin = runtime->origin;
        fact.client = client;
        http::Request request;
        request.method = "HEAD";
        request.origin = runtime->origin;
        request.target = Secret("/");
        request.timeout = limits::probe_timeout_ms;
        request.ca_file = runtime->client->ca_file;
        request.proxy = runtime->client->proxy;
        fact.outcome = co_await deps_.https.exchange(std::move(request));
        fact.at = deps_.clock.wall();
        report(*diagnosis, judge_probe(fact));
    }
    --diagnosis->probes;
    diagnosis->changed.notify_all();
}

}  // namespace tb::daemon
