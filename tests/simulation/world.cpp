// See world.hpp.
#include "tests/simulation/world.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "proto/message.hpp"
#include "tests/unit/providers/test_providers.hpp"

namespace tb::sim {
World::World(Options options)
    : options_(options),
      random_(options_.seed),
      checker_(clock_),
      idp_(clock_, random_, options_, checker_) {
    test::register_test_providers();
    make_accounts();
    make_callers();
    start_life();
}

World::~World() {
    for (const auto& caller : callers_)
        caller->attach(nullptr, context_.get_executor());
    if (life_) end_life(true);
}

void World::start_life() {
    auto life = std::make_unique<Life>();
    const auto executor = context_.get_executor();
    life->store = std::make_unique<SimStore>(disk_, clock_, random_, options_, checker_);
    life->store->on_acknowledged = [this](std::string_view token) { idp_.acknowledged(token); };
    life->https = std::make_unique<SimHttps>(idp_, executor, options_);
    daemon::Deps deps{executor, clock_, random_, *life->https, *life->store, log_, 0, {}, {}, {}};
    life->limits = ipc::create_limits();
    deps.ipc_limits = life->limits;
    deps.read_secret = [](const daemon::SecretSource&) {
        return Result<Secret>(Secret("cs_test_1"));
    };
    deps.load_config = [this](std::function<void(daemon::ConfigResult)> done) {
        daemon::ConfigResult result;
        result.config = make_config();
        done(std::move(result));
    };
    life->app = std::make_unique<daemon::App>(std::move(deps), make_config());
    const auto loaded = life->app->load();
    TB_ASSERT(loaded.has_value());
    ipc::ServerOptions options;
    options.interfaces.push_back({"io.tokenbroker.tokens", ""});
    life->server = ipc::create_server(executor, UniqueFd(), options, life->app->tokens(),
                                      life->limits, clock_, log_);
    options.interfaces.front().name = "io.tokenbroker.admin";
    life->admin = ipc::create_server(executor, UniqueFd(), options, life->app->admin(),
                                     life->limits, clock_, log_);
    life->app->begin();
    life_ = std::move(life);
    for (const auto& caller : callers_)
        caller->attach(life_->server.get(), executor);
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
    if (crash) {
        life_->https->crash();
        life_->store->crash();
        for (const auto& caller : callers_)
            caller->attach(nullptr, context_.get_executor());
        for (const auto& wire : admin_wires_)
            caller_close(wire);
    }
    admin_wires_.clear();
    life_ended_ = false;
    spawn(context_.get_executor(), "stop-life", stop_life());
    const std::int64_t give_up_ms = clock_.world_ms() + 600'000;
    while (!life_ended_ || live_coroutines() > 0) {
        settle();
        if (life_ended_ && live_coroutines() == 0) break;
        if (clock_.world_ms() > give_up_ms || !clock_.step()) {
            checker_.violated("stop", "the daemon does not stop: {} coroutine(s) left",
                              live_coroutines());
            (void)life_.release();  // its coroutines still use it
            return;
        }
    }
    for (const auto& caller : callers_)
        caller->attach(nullptr, context_.get_executor());
    settle();
    life_.reset();
}

void World::crash() {
    if (quiet_) return;
    const bool clean = random_.between(0, 99) < options_.faults.stop_percent;
    ++(clean ? checker_.counts.stops : checker_.counts.crashes);
    end_life(!clean);
    if (!checker_.good()) return;
    if (random_.between(0, 99) < options_.faults.reboot_percent) {
        clock_.reboot();
    }
    start_life();
}

void World::settle() {
    context_.restart();
    while (context_.poll() > 0)
        context_.restart();
}

void World::run_until(std::int64_t world_ms) {
    while (checker_.good()) {
        settle();
        if (std::exchange(crash_due_, false)) {
            crash();
            continue;
        }
        if (clock_.world_ms() >= world_ms || clock_.next_ms() > world_ms || !clock_.step()) return;
    }
}

void World::plan(std::int64_t every_s, void (World::*what)()) {
    if (every_s == 0) return;
    clock_.call_in(Millis{random_.between(1, every_s * 2'000)}, [this, every_s, what] {
        if (quiet_) return;
        (this->*what)();
        plan(every_s, what);
    });
}

void World::step_wall() {
    clock_.step_wall(Millis{random_.between(-7'200'000, 7'200'000)});
}

void World::suspend() {
    clock_.suspend(Millis{random_.between(1'000, 1'800'000)});
}

void World::outage() {
    const bool provider = random_.chance(0.5);
    const Millis span{random_.between(1'000, 120'000)};
    if (provider) {
        idp_.set_down(true);
        clock_.call_in(span, [this] { idp_.set_down(false); });
    } else if (life_) {
        life_->store->set_down(true);
        clock_.call_in(span, [this] {
            if (life_) life_->store->set_down(false);
        });
    }
}

void World::admin_call(const std::string& frame) {
    auto wire = std::make_shared<Wire>(context_.get_executor());
    ipc::Caller caller;
    caller.uid = 0;
    caller.gid = 0;
    if (!life_ || !life_->admin->adopt(daemon_end(wire), std::move(caller))) return;
    caller_send(wire, frame);
    admin_wires_.push_back(std::move(wire));
    if (admin_wires_.size() > 20) {
        caller_close(admin_wires_.front());
        admin_wires_.erase(admin_wires_.begin());
    }
}

void World::operate() {
    if (!life_) return;
    for (int i = 0; i < 4; ++i) {
        for (int n = 0; n < options_.accounts_per_client; ++n) {
            const std::string name = fmt::format("w{}/a{}", i, n);
            const daemon::Account* account = life_->app->accounts().find(name);
            if (account == nullptr) continue;
            const bool lost = account->state == storage::GrantState::login_required;
            if (lost && !idp_.lost_unavoidably(name))
                checker_.violated("grant lost", "{} under {}: {}", name, to_string(policy_of(i)),
                                  account->reason);
            if (lost) ++checker_.counts.lost;
            if (!lost && !random_.chance(0.02)) continue;
            const std::string grant = idp_.enrol(name, fmt::format("w{}.test", i), policy_of(i),
                                                 account->slot.lifetime.value_or(Millis{299'000}));
            boost::json::object parameters;
            parameters["account"] = name;
            parameters["secrets"] = boost::json::object{{"refresh_token", grant}};
            parameters["replace"] = true;
            admin_call(proto::make_call("io.tokenbroker.admin.AddAccount", parameters));
        }
    }
}

void World::check_recovered() {
    const BootTime now = clock_.now();
    for (const auto& [id, row] : disk_.rows) {
        if (row.record.candidate_for || !life_) continue;
        const daemon::Account* account = life_->app->accounts().find(row.record.name);
        if (account == nullptr) {
            checker_.violated("recovery", "{} is on the disk but not in the daemon",
                              row.record.name);
            continue;
        }
        const std::string state(daemon::state_name(*account, now));
        const bool lost = state == "login_required" && idp_.lost_unavoidably(account->name);
        // An unusable reply is looked into by an operator; by itself it is tried again once an
        // hour, when asked.
        if (state == "misconfigured" && account->provider == "test-minted") continue;
        // A deferred replay waits until the token in hand is nearly used up.
        const bool deferred =
            account->client->client->ambiguous_retry == daemon::AmbiguousRetry::defer &&
            account->slot.remaining(now) > Millis{0};
        if (state == "outcome_unknown" && deferred) continue;
        if (state == "fresh" || state == "static" || state == "idle" || lost) continue;
        checker_.violated("recovery", "{} is {} long after the last fault: {}", account->name,
                          state, account->reason);
    }
}

void World::run() {
    const Faults& faults = options_.faults;
    plan(faults.wall_step_every_s, &World::step_wall);
    plan(faults.suspend_every_s, &World::suspend);
    plan(faults.outage_every_s, &World::outage);
    plan(600, &World::operate);
    std::function<void()> plan_crash = [this, &plan_crash, &faults] {
        if (faults.crash_every_s == 0) return;
        clock_.call_in(Millis{random_.between(1, faults.crash_every_s * 2'000)},
                       [this, &plan_crash] {
                           crash_due_ = true;
                           plan_crash();
                       });
    };
    plan_crash();
    run_until(options_.hours * 3'600'000);
    if (!checker_.good()) return;
    quiet_ = true;
    crash_due_ = false;
    idp_.stop_faults();
    idp_.set_down(false);
    options_.faults = Faults{};
    if (life_) life_->store->set_down(false);
    // The longest that anything waits: a backoff step, after a pause or a Retry-After.
    const std::int64_t patience_ms = 3 * limits::backoff_max_ms.count();
    run_until(clock_.world_ms() + patience_ms);
    if (checker_.good()) check_recovered();
    for (const auto& caller : callers_)
        caller->hold();
    run_until(clock_.world_ms() + 60'000);
}

std::vector<std::string> World::log_tail(std::size_t lines) const {
    std::vector<std::string> out;
    const auto all = log_.lines();
    for (std::size_t i = all.size() > lines ? all.size() - lines : 0; i < all.size(); ++i)
        out.push_back(all[i].second);
    return out;
}

}  // namespace tb::sim
