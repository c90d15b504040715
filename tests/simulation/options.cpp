// How a seed becomes a run: half of the faults are off in a given run, so that those that are on
// get far.
#include "tests/simulation/options.hpp"

namespace tb::sim {

Options Options::draw(std::uint64_t seed, std::int64_t hours, Canary canary) {
    SimRandom random(seed ^ 0x9e3779b97f4a7c15ULL);
    const auto rate = [&](double most) {
        return random.chance(0.5) ? random.uniform(0.0, most) : 0.0;
    };
    const auto every = [&](std::int64_t least_s, std::int64_t most_s) {
        return random.chance(0.6) ? random.between(least_s, most_s) : 0;
    };
    Options options;
    options.seed = seed;
    options.hours = hours;
    options.canary = canary;
    options.accounts_per_client = static_cast<int>(random.between(1, 6));
    options.callers = static_cast<int>(random.between(3, 12));
    Faults& faults = options.faults;
    faults.http_5xx = rate(0.3);
    faults.http_garbage = rate(0.05);
    faults.connect_fails = rate(0.3);
    faults.lost_before = rate(0.1);
    faults.lost_after = rate(0.05);
    faults.latency_ms_max = random.between(1, 2'000);
    faults.slow_reply = rate(0.05);
    faults.commit_fails = rate(0.1);
    faults.commit_ms_max = random.between(0, 200);
    faults.crash_every_s = every(60, 3'600);
    faults.reboot_percent = random.between(0, 50);
    faults.stop_percent = random.between(0, 50);
    faults.wall_step_every_s = every(300, 7'200);
    // A wall clock that was wrong when a token was issued and right after a reboot hides the
    // token's age, and nothing on the host can tell: a run has wrong wall clocks or reboots, not
    // both.
    if (faults.wall_step_every_s > 0) faults.reboot_percent = 0;
    faults.suspend_every_s = every(300, 7'200);
    faults.outage_every_s = every(120, 3'600);
    return options;
}

}  // namespace tb::sim
