// What goes wrong with the daemon's host, its store, its providers and its configuration, and when.
#include <algorithm>

#include "base/limits.hpp"
#include "proto/message.hpp"
#include "tests/simulation/world.hpp"

namespace tb::sim {

void World::plan(std::int64_t every_s, void (World::*what)()) {
    if (every_s == 0) return;
    clock_.call_in(Millis{random_.between(1, every_s * 2'000)}, [this, every_s, what] {
        if (quiet_) return;
        checker_.happened(8, 0);
        (this->*what)();
        plan(every_s, what);
    });
}

void World::plan_faults() {
    const Faults& faults = options_.faults;
    plan(faults.wall_step_every_s, &World::step_wall);
    plan(faults.suspend_every_s, &World::suspend);
    plan(faults.outage_every_s, &World::outage);
    plan(faults.reload_every_s, &World::reload);
    plan(faults.flood_every_s, &World::flood);
    plan(faults.crash_every_s, &World::ask_for_crash);
    if (faults.operator_every_s > 0) plan(600, &World::mend);
}

void World::stop_faults() {
    quiet_ = true;
    crash_due_ = false;
    internet_.stop_faults();
    internet_.set_down(false);
    options_.faults = Faults{};
    if (life_) life_->store->set_down(false);
    if (life_) life_->store->set_full(false);
    absent_client_.clear();
    closed_client_.clear();
    surroundings_.rules_changed_ms = clock_.world_ms();
    operator_->tell(proto::make_call("io.tokenbroker.admin.Reload", {}));
    operator_->tidy_up();
}

void World::step_wall() {
    clock_.step_wall(Millis{random_.between(-7'200'000, 7'200'000)});
}

void World::suspend() {
    clock_.suspend(Millis{random_.between(1'000, 1'800'000)});
}

void World::outage() {
    const std::int64_t what = random_.between(0, 3);
    const Millis span{random_.between(1'000, 120'000)};
    if (what < 2) {
        internet_.set_down(true);
        clock_.call_in(span, [this] { internet_.set_down(false); });
    } else if (life_) {
        if (what == 2) life_->store->set_down(true);
        if (what == 3) life_->store->set_full(true);
        clock_.call_in(span, [this] {
            if (!life_) return;
            life_->store->set_down(false);
            life_->store->set_full(false);
        });
    }
}

// Whoever wants a login gets a new grant; but was the old one lost for a reason?
void World::mend() {
    if (!life_) return;
    std::vector<std::string> lost;
    life_->app->accounts().each([&](const std::shared_ptr<daemon::Account>& account) {
        if (account->state != storage::GrantState::login_required) return;
        check_grant_lost(issuer_, family_of(*account), *account);
        lost.push_back(account->name);
    });
    std::ranges::sort(lost);
    for (const std::string& account : lost) {
        ++checker_.counts.lost;
        operator_->replace(account);
    }
}

// A section goes or comes back, a rule is closed or opened, the caps change.
void World::reload() {
    const auto specs = client_specs();
    const auto any = [&] {
        return specs[static_cast<std::size_t>(
                         random_.between(0, static_cast<std::int64_t>(specs.size()) - 1))]
            .name;
    };
    const std::int64_t what = random_.between(0, 2);
    if (what == 0) absent_client_ = absent_client_.empty() ? any() : "";
    if (what == 1) closed_client_ = closed_client_.empty() ? any() : "";
    if (what == 2) exchanges_max_ = static_cast<int>(random_.between(2, 64));
    surroundings_.rules_changed_ms = clock_.world_ms();
    ++checker_.counts.reloads;
    issuer_.credit_all(5);
    operator_->tell(proto::make_call("io.tokenbroker.admin.Reload", {}));
}

// One uid takes all it can get: more connections than it may have, more watches than it may have.
// Another one has more calls wait for a provider that hangs than it may.
void World::flood() {
    if (!life_ || flooding_) return;
    flooding_ = true;
    ++checker_.counts.floods;
    auto wires = std::make_shared<std::vector<std::shared_ptr<Wire>>>();
    flood_connections(*wires);
    flood_watches(*wires);
    flood_waiters(*wires);
    const Millis held{random_.between(100, 30'000)};
    clock_.call_in(held, [this, wires] {
        flooding_ = false;
        for (const auto& wire : *wires)
            caller_close(wire);
    });
}

void World::flood_connections(std::vector<std::shared_ptr<Wire>>& wires) {
    std::size_t taken = 0;
    for (int i = 0; i < limits::connections_per_uid_max + 5; ++i) {
        auto wire = std::make_shared<Wire>(context_.get_executor());
        ipc::Caller caller;
        caller.uid = 3001;
        // A daemon that takes each connection for another uid's.
        if (options_.canary == Canary::no_uids) caller.uid += static_cast<uid_t>(i);
        caller.gid = 3001;
        const bool adopted = life_->server->adopt(daemon_end(wire), std::move(caller));
        taken += adopted ? 1 : 0;
        if (adopted) wires.push_back(std::move(wire));
    }
    check_limits_of_uid(checker_, "connections", taken, limits::connections_per_uid_max);
}

void World::flood_watches(std::vector<std::shared_ptr<Wire>>& wires) {
    boost::json::array names;
    for (const std::string& name : accounts_)
        if (names.size() < limits::watches_per_call_max && !name.starts_with("r0/") &&
            life_->app->accounts().find(name) != nullptr)
            names.emplace_back(name);
    const std::size_t each = names.size();
    const std::string call =
        proto::make_call("io.tokenbroker.tokens.WatchTokens", {{"accounts", names}}, true);
    for (const auto& wire : wires)
        caller_send(wire, call);
    clock_.call_in(Millis{50}, [this, wires, each] {
        std::size_t watched = 0;
        for (const auto& wire : wires) {
            const std::string got = caller_take(wire);
            watched += got.starts_with("{\"parameters\"") ? each : 0;
        }
        check_limits_of_uid(checker_, "watches", watched,
                            static_cast<std::size_t>(limits::watches_per_uid_max));
    });
}

// For a user whose token nobody else asks for, at a provider that answers in two seconds.
void World::flood_waiters(std::vector<std::shared_ptr<Wire>>& wires) {
    constexpr Millis hangs{2'000};
    internet_.hang("https://r0.test", clock_.world_ms() + hangs.count());
    const std::string call = proto::make_call(
        "io.tokenbroker.tokens.GetToken",
        {{"account", "r0/a0"}, {"parameters", {{"user_id", "flood"}}}, {"timeout_ms", 10'000}});
    const auto ask = [&](uid_t uid) {
        auto wire = std::make_shared<Wire>(context_.get_executor());
        ipc::Caller caller;
        caller.uid = caller.gid = uid;
        const bool adopted = life_->server->adopt(daemon_end(wire), std::move(caller));
        if (!adopted) return std::shared_ptr<Wire>();
        caller_send(wire, call);
        wires.push_back(wire);
        return wire;
    };
    std::vector<std::shared_ptr<Wire>> flood;
    for (int i = 0; i < limits::waiters_per_uid_max + 20; ++i)
        if (auto wire = ask(3002)) flood.push_back(std::move(wire));
    const auto honest = ask(1000);
    settle();
    std::size_t waiting = 0;
    std::size_t refused = 0;
    for (const auto& wire : flood) {
        waiting += wire->to_caller.empty() ? 1 : 0;
        refused += is_over_limit(wire->to_caller) ? 1 : 0;
    }
    checker_.counts.over_limit += refused;
    check_waiters_of_uid(checker_, waiting, refused);
    if (honest) check_nobody_else(checker_, 1000, honest->to_caller);
}

}  // namespace tb::sim
