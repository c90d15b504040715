// See bench.hpp.
#include "tests/unit/daemon/bench.hpp"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "tests/unit/providers/test_providers.hpp"

namespace tb::test {

http::Outcome ScriptedHttps::reply(int status, std::string_view body) const {
    http::Reply out;
    out.status = status;
    out.headers.emplace_back("content-type", "application/json");
    out.body = Secret(body);
    out.sent_at = clock_.now();
    out.received_wall = clock_.wall();
    return out;
}

http::Outcome ScriptedHttps::success() {
    ++issued_;
    return reply(
        200, fmt::format(R"({{"access_token":"at_test_{}","token_type":"bearer","expires_in":{},)"
                         R"("refresh_token":"rt_test_{}","scope":"[\"ECom.Shop\"]"}})",
                         issued_, lifetime_s, issued_));
}

awaitable<http::Outcome> ScriptedHttps::exchange(http::Request request) {
    const Sent seen{request.method,
                    request.origin,
                    std::string(request.target.view()),
                    std::string(request.body.view()),
                    request.timeout,
                    clock_.now()};
    sent.push_back(seen);
    in_flight_most = std::max(in_flight_most, ++in_flight);
    co_await sleep_until(clock_, clock_.now() + latency);
    --in_flight;
    http::Outcome outcome = answer ? answer(seen) : success();
    if (auto* whole = std::get_if<http::Reply>(&outcome)) whole->sent_at = seen.at;
    co_return std::move(outcome);
}

Bench::Bench() {
    register_test_providers();
    options.faults.commit_ms_max = 0;
    daemon::Selector everybody;
    everybody.uid = 1000;
    daemon::AccessRule rule;
    rule.accounts = {"*/*"};
    rule.allow.push_back(std::move(everybody));
    rule.place = "test.toml:1";
    config.access.push_back(std::move(rule));
}

daemon::ClientConfig& Bench::client(const std::string& name, const std::string& provider) {
    daemon::ClientConfig& out = config.clients[name];
    out.settings.name = name;
    out.settings.provider = provider;
    out.settings.base_url = "https://" + name + ".test";
    out.settings.client_id = "client_test";
    out.settings.scopes = {"ECom.Shop"};
    out.provider = providers::find_provider(provider);
    BOOST_REQUIRE(out.provider != nullptr);
    for (const std::string& secret : out.provider->client_secret_names(out.settings))
        out.secrets[secret] = {daemon::SecretSource::Kind::file, "/test", "test.toml:2"};
    return out;
}

void Bench::account(const std::string& name, const std::string& provider) {
    sim::Row row;
    row.record.id = disk.next_id++;
    row.record.name = name;
    row.record.provider = provider;
    row.record.grant_obtained_at = clock.wall();
    row.grant.set("refresh_token", Secret("rt_test_0"));
    if (provider == "threekit") {
        row.grant = SecretSet();
        row.grant.set("token", Secret("static_test_1"));
        storage::TokenRecord token;
        token.generation = row.record.generation = 1;
        token.access_token = Secret("static_test_1");
        token.header_name = "Authorization";
        token.header_prefix = "Bearer ";
        row.record.token = std::move(token);
    }
    disk.rows.emplace(row.record.id, std::move(row));
}

void Bench::begin() {
    const auto executor = context.get_executor();
    store = std::make_unique<sim::SimStore>(disk, clock, random, options, checker);
    daemon::Deps deps{executor, *daemons_clock, random, https, *store, log, 0, {}, {}, limits};
    deps.read_secret = [](const daemon::SecretSource&) {
        return Result<Secret>(Secret("cs_test"));
    };
    deps.load_config = [this](std::function<void(daemon::ConfigResult)> done) {
        daemon::ConfigResult result;
        result.config = config;
        done(std::move(result));
    };
    deps.audit = audit;
    deps.inspect_host = inspect_host;
    app = std::make_unique<daemon::App>(std::move(deps), config);
    BOOST_REQUIRE(app->load().has_value());
    ipc::ServerOptions server;
    server.interfaces.push_back({"io.tokenbroker.tokens", ""});
    tokens_ = ipc::create_server(executor, UniqueFd(), server, app->tokens(), limits, clock, log);
    server.interfaces.front().name = "io.tokenbroker.admin";
    admin_ = ipc::create_server(executor, UniqueFd(), server, app->admin(), limits, clock, log);
    app->begin();
    settle();
}

void Bench::settle() {
    context.restart();
    while (context.poll() > 0)
        context.restart();
}

void Bench::pass(Millis span) {
    const std::int64_t until = clock.world_ms() + span.count();
    bool there = false;
    clock.call_in(span, [&there] { there = true; });
    settle();
    while (!there && clock.step())
        settle();
    BOOST_REQUIRE(clock.world_ms() >= until);
}

std::shared_ptr<sim::Wire> Bench::send(std::string_view method, boost::json::object parameters,
                                       uid_t uid, bool more) {
    auto wire = post(method, std::move(parameters), uid, more);
    settle();
    return wire;
}

std::shared_ptr<sim::Wire> Bench::post(std::string_view method, boost::json::object parameters,
                                       uid_t uid, bool more) {
    auto wire = std::make_shared<sim::Wire>(context.get_executor());
    ipc::Caller caller;
    caller.uid = caller.gid = uid;
    ipc::Server& server = method.starts_with(admin) ? *admin_ : *tokens_;
    const bool adopted = server.adopt(sim::daemon_end(wire), std::move(caller));
    BOOST_REQUIRE(adopted);
    sim::caller_send(wire, proto::make_call(method, parameters, more));
    return wire;
}

std::optional<proto::Reply> Bench::taken(const std::shared_ptr<sim::Wire>& wire) const {
    const std::string bytes = sim::caller_take(wire);
    const std::size_t nul = bytes.find('\0');
    if (nul == std::string::npos) return {};
    auto reply = proto::parse_reply(std::string_view(bytes).substr(0, nul));
    BOOST_REQUIRE(reply.has_value());
    return std::move(*reply);
}

proto::Reply Bench::call(std::string_view method, boost::json::object parameters, uid_t uid) {
    const auto wire = send(method, std::move(parameters), uid);
    std::optional<proto::Reply> reply = taken(wire);
    const std::int64_t give_up_ms = clock.world_ms() + 600'000;
    while (!reply && clock.world_ms() < give_up_ms && clock.step()) {
        settle();
        reply = taken(wire);
    }
    BOOST_REQUIRE_MESSAGE(reply.has_value(), method << " was never answered");
    sim::caller_close(wire);
    settle();
    return std::move(*reply);
}

awaitable<void> Bench::stop() {
    co_await app->stop();
    const BootTime now = clock.now();
    co_await tokens_->drain(now);
    co_await admin_->drain(now);
    co_await app->audit().close();
    co_await store->close();
    stopped_ = true;
}

Bench::~Bench() {
    end();
}

void Bench::end() {
    if (!app) return;
    spawn(context.get_executor(), "stop", stop());
    settle();
    while ((!stopped_ || live_coroutines() > 0) && clock.step())
        settle();
    settle();
    app.reset();
}

}  // namespace tb::test
