// See world.hpp.
#include "tests/simulation/world.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"

namespace tb::sim {

World::World(Options options)
    : options_(options),
      random_(options_.seed),
      checker_(clock_),
      log_(checker_, clock_),
      issuer_(clock_, random_, options_, checker_),
      internet_(clock_, issuer_),
      surroundings_{clock_, random_, options_, issuer_, disk_, checker_} {
    clock_.drift(options_.faults.drift_ppm);
    surroundings_.permitted = [this](uid_t uid, std::string_view account) {
        return permitted(uid, account);
    };
    make_accounts();
    make_callers();
    operator_ = std::make_shared<SimOperator>(
        surroundings_, context_.get_executor(), accounts_, oauth2_,
        [this](const std::string& account) { return new_grant(account); });
    operator_->begin();
    start_life();
    plan_faults();
}

World::~World() {
    if (life_) end_life(true);
    // Timers hold callers, and callers hold wires.
    for (const auto& caller : callers_)
        caller->hold();
    operator_->hold();
}

void World::start_life() {
    auto life = std::make_unique<Life>();
    const auto executor = context_.get_executor();
    life->store = std::make_unique<SimStore>(disk_, clock_, random_, options_, checker_);
    life->store->on_acknowledged = [this](std::string_view token) { issuer_.acknowledged(token); };
    life->store->on_dropped = [this](std::string_view token) {
        check_grant_dropped(issuer_, token);
    };
    life->https = std::make_unique<SimHttps>(internet_, executor, options_);
    daemon::Deps deps{executor, clock_, random_, *life->https, *life->store, log_, 0, {}, {}, {}};
    life->limits = ipc::create_limits();
    deps.ipc_limits = life->limits;
    deps.read_secret = [](const daemon::SecretSource&) {
        return Result<Secret>(Secret(client_secret_of_all));
    };
    deps.load_config = [this](std::function<void(daemon::ConfigResult)> done) {
        daemon::ConfigResult result;
        result.config = make_config();
        done(std::move(result));
    };
    life->app = std::make_unique<daemon::App>(std::move(deps), make_config());
    const auto loaded = life->app->load();
    TB_ASSERT(loaded.has_value());
    check_records(checker_, disk_, *life->app);
    ipc::ServerOptions options;
    options.interfaces.push_back({"io.tokenbroker.tokens", ""});
    life->server = ipc::create_server(executor, UniqueFd(), options, life->app->tokens(),
                                      life->limits, clock_, log_);
    options.interfaces.front().name = "io.tokenbroker.admin";
    life->admin = ipc::create_server(executor, UniqueFd(), options, life->app->admin(),
                                     life->limits, clock_, log_);
    life->app->begin();
    if (options_.canary == Canary::never_ends) spawn(executor, "never-ends", never_ends());
    life_ = std::move(life);
    surroundings_.server = life_->server.get();
    surroundings_.app = life_->app.get();
    operator_->attach(life_->admin.get());
    operator_->check_acknowledged();
    internet_.forget_waits();
    issuer_.credit_all(10);
}

awaitable<void> World::never_ends() {
    Event nobody_tells_it(context_.get_executor());
    co_await nobody_tells_it.wait();
}

awaitable<void> World::stop_life() {
    co_await life_->app->stop();
    const BootTime until = clock_.now() + 2'000ms;
    co_await life_->server->drain(until);
    co_await life_->admin->drain(until);
    co_await life_->store->close();
    life_ended_ = true;
}

// A power cut: from this moment nothing that the daemon does has an effect. Its coroutines still
// run to their ends, unseen.
void World::end_life(bool crash) {
    const auto leave = [this] {
        surroundings_.server = nullptr;
        surroundings_.app = nullptr;
        operator_->attach(nullptr);
        for (const auto& caller : callers_)
            caller->daemon_gone();
    };
    if (crash) {
        life_->https->crash();
        life_->store->crash();
        leave();
    }
    life_ended_ = false;
    spawn(context_.get_executor(), "stop-life", stop_life());
    const std::int64_t give_up_ms = clock_.awake_ms() + 1'000'000;
    while (!life_ended_ || live_coroutines() > 0) {
        settle();
        if (life_ended_ && live_coroutines() == 0) break;
        if (clock_.awake_ms() > give_up_ms || !clock_.step()) {
            checker_.violated(Rule::stop, "the daemon does not stop: {} coroutine(s) left",
                              live_coroutines());
            leave();
            (void)life_.release();  // its coroutines still use it
            return;
        }
    }
    leave();
    settle();
    life_.reset();
}

void World::crash() {
    if (quiet_) return;
    const bool clean = random_.between(0, 99) < options_.faults.stop_percent;
    ++(clean ? checker_.counts.stops : checker_.counts.crashes);
    checker_.happened(7, clean ? 1 : 0);
    end_life(!clean);
    if (!checker_.good()) return;
    if (random_.between(0, 99) < options_.faults.reboot_percent) clock_.reboot();
    start_life();
}

void World::settle() {
    do
        context_.restart();
    while (context_.poll() > 0);
}

void World::run_until(std::int64_t world_ms) {
    while (checker_.good()) {
        settle();
        if (std::exchange(crash_due_, false)) {
            crash();
            continue;
        }
        if (clock_.world_ms() >= world_ms || clock_.next_ms() > world_ms || !clock_.step()) break;
    }
    checker_.counts.virtual_ms = static_cast<std::uint64_t>(clock_.world_ms());
}

// Of the grant that its row has now.
Family* World::family_of(const daemon::Account& account) {
    const Row* row = disk_.find(account.id);
    if (row == nullptr) return nullptr;
    for (const char* name : {"refresh_token", "entity_token", "token"})
        if (const Secret* token = row->grant.find(name)) return issuer_.named(token->view()).family;
    return nullptr;
}

void World::check_recovered() {
    if (!life_) return;
    const BootTime now = clock_.now();
    life_->app->accounts().each([&](const std::shared_ptr<daemon::Account>& account) {
        check_recovery(issuer_, family_of(*account), *account, now);
    });
}

void World::run() {
    run_until(options_.hours * 3'600'000);
    if (!checker_.good() || options_.faults.operator_every_s == 0) return;
    stop_faults();
    // The longest that anything waits: the slow probe of a misconfiguration, and a backoff step
    // after it, a pause or a Retry-After.
    const Millis patience = limits::slow_probe_ms + 3 * limits::backoff_max_ms;
    run_until(clock_.world_ms() + patience.count());
    // A token that is renewed for whoever asks may be on its way at any moment, as long as anybody
    // does.
    for (const auto& caller : callers_)
        caller->hold();
    operator_->hold();
    run_until(clock_.world_ms() + 60'000);
    if (checker_.good()) check_recovered();
}

}  // namespace tb::sim
