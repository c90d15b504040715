// How a seed becomes a run: half of the faults are off in a given run, so that those that are on
// get far.
#include "tests/simulation/options.hpp"

#include <fmt/core.h>

#include "tests/simulation/canaries.hpp"

namespace tb::sim {
namespace {

void draw_faults(SimRandom& random, Faults& faults) {
    const auto rate = [&](double most) {
        const bool on = random.chance(0.5);
        return on ? random.uniform(0.0, most) : 0.0;
    };
    const auto every = [&](double chance, std::int64_t least_s, std::int64_t most_s) {
        const bool on = random.chance(chance);
        return on ? random.between(least_s, most_s) : 0;
    };
    faults.http_5xx = rate(0.3);
    faults.http_garbage = rate(0.05);
    faults.connect_fails = rate(0.3);
    faults.lost_before = rate(0.1);
    faults.lost_after = rate(0.05);
    faults.latency_ms_max = random.between(1, 2'000);
    faults.slow_reply = rate(0.05);
    faults.commit_fails = rate(0.1);
    faults.commit_fails_applied = rate(0.05);
    faults.commit_ms_max = random.between(0, 200);
    faults.crash_every_s = every(0.6, 60, 3'600);
    faults.reboot_percent = random.between(0, 50);
    faults.stop_percent = random.between(0, 50);
    faults.wall_step_every_s = every(0.6, 300, 7'200);
    // A wall clock that was wrong when a token was issued and right after a reboot hides the
    // token's age, and nothing on the host can tell: a run has wrong wall clocks or reboots, not
    // both.
    if (faults.wall_step_every_s > 0) faults.reboot_percent = 0;
    faults.suspend_every_s = every(0.6, 300, 7'200);
    faults.drift_ppm = every(0.5, -200, 200);
    faults.outage_every_s = every(0.6, 120, 3'600);
    faults.operator_every_s = random.between(30, 900);
    faults.reload_every_s = every(0.4, 300, 3'600);
    faults.flood_every_s = every(0.1, 1'800, 5'400);
}

}  // namespace

Options Options::draw(std::uint64_t seed, std::int64_t hours, Canary canary) {
    SimRandom random(seed ^ 0x9e3779b97f4a7c15ULL);
    Options options;
    options.seed = seed;
    options.hours = hours;
    options.canary = canary;
    const std::int64_t size = random.between(0, 99);
    options.accounts_per_client = static_cast<int>(random.between(1, 5));
    if (size >= 85) options.accounts_per_client = static_cast<int>(random.between(10, 30));
    if (size >= 99) options.accounts_per_client = static_cast<int>(random.between(60, 150));
    options.callers = static_cast<int>(random.between(3, 12));
    draw_faults(random, options.faults);
    if (canary != Canary::none) tune_for(canary, options);
    return options;
}

Options Options::speed(std::uint64_t seed, std::int64_t hours) {
    Options options;
    options.seed = seed;
    options.hours = hours;
    options.accounts_per_client = 20;
    options.callers = 0;
    options.one_client_each = options.documented_lifetimes = true;
    options.faults.operator_every_s = 0;
    return options;
}

std::string Options::text() const {
    const Faults& f = faults;
    return fmt::format(
        "hours {} accounts_per_client {} callers {} http_5xx {:.3f} http_garbage {:.3f} "
        "connect_fails "
        "{:.3f} lost_before {:.3f} lost_after {:.3f} latency_ms_max {} slow_reply {:.3f} "
        "commit_fails "
        "{:.3f} commit_fails_applied {:.3f} commit_ms_max {} crash_every_s {} reboot_percent {} "
        "stop_percent {} wall_step_every_s {} suspend_every_s {} drift_ppm {} outage_every_s {} "
        "operator_every_s {} reload_every_s {} flood_every_s {}",
        hours, accounts_per_client, callers, f.http_5xx, f.http_garbage, f.connect_fails,
        f.lost_before, f.lost_after, f.latency_ms_max, f.slow_reply, f.commit_fails,
        f.commit_fails_applied, f.commit_ms_max, f.crash_every_s, f.reboot_percent, f.stop_percent,
        f.wall_step_every_s, f.suspend_every_s, f.drift_ppm, f.outage_every_s, f.operator_every_s,
        f.reload_every_s, f.flood_every_s);
}

}  // namespace tb::sim
