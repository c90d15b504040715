// See canaries.hpp.
#include "tests/simulation/canaries.hpp"

#include <array>

#include "tests/simulation/world.hpp"

namespace tb::sim {
namespace {

constexpr std::array<CanaryRow, rule_count> rows = {{
    {Canary::short_lived, Rule::expired_token,
     "tokens die after a third of what counts as their life"},
    {Canary::crossed, Rule::foreign_token, "one account's answer reaches another"},
    {Canary::open_door, Rule::access, "a rule too many lets a stranger in"},
    {Canary::promise_ignored, Rule::promise, "min_remaining_ms is not looked at"},
    {Canary::old_answer, Rule::generation, "an older reply is handed out again"},
    {Canary::early_ack, Rule::not_durable, "a token is published before its commit"},
    {Canary::lying_disk, Rule::record_lost, "a power cut takes back an acknowledged commit"},
    {Canary::two_at_once, Rule::two_at_once, "each single-use grant is sent twice at once"},
    {Canary::old_grant_back, Rule::spent_twice, "the successor of a grant is not stored"},
    {Canary::harsh_reading, Rule::grant_lost, "HTTP 503 is read as a refusal"},
    {Canary::thrown_away, Rule::grant_dropped, "a new grant that proved itself is removed"},
    {Canary::deaf, Rule::deadline, "answers to waiters get lost"},
    {Canary::missed_event, Rule::stale_watch, "every fifth event of a watch gets lost"},
    {Canary::no_uids, Rule::uid_limits, "each connection counts as another uid's"},
    {Canary::stuck, Rule::recovery, "a provider's trouble never ends"},
    {Canary::resends, Rule::budget, "a request is sent again and again"},
    {Canary::hasty, Rule::retry_after, "Retry-After is not looked at"},
    {Canary::never_ends, Rule::stop, "a coroutine is left behind"},
    {Canary::garbled, Rule::protocol, "frames are cut short"},
}};

}  // namespace

std::span<const CanaryRow> canary_rows() {
    return rows;
}

void tune_for(Canary canary, Options& options) {
    Faults& faults = options.faults;
    Faults calm;
    calm.operator_every_s = 600;
    if (options.accounts_per_client > 5) options.accounts_per_client = 5;
    faults = calm;
    switch (canary) {
        case Canary::lying_disk:
            faults.crash_every_s = 300;
            break;
        case Canary::never_ends:
            faults.crash_every_s = 1'200;
            faults.stop_percent = 100;
            break;
        case Canary::harsh_reading:
        case Canary::hasty:
            faults.http_5xx = 0.3;
            break;
        case Canary::deaf:
            faults.latency_ms_max = 2'000;
            break;
        case Canary::no_uids:
            faults.flood_every_s = 600;
            break;
        default:
            break;
    }
}

int show_canaries(std::int64_t hours) {
    int empty = 0;
    fmt::print("{:<14} | {:<53} | seed | what it said\n", "checker", "canary");
    for (const CanaryRow& row : rows) {
        constexpr std::uint64_t seeds_max = 20;
        std::uint64_t caught = 0;
        std::string said = "NOTHING: the bug was not caught";
        for (std::uint64_t seed = 1; caught == 0 && seed <= seeds_max; ++seed) {
            World world(Options::draw(seed, hours, row.canary));
            world.run();
            const Checker& checker = world.checker();
            if (checker.good()) continue;
            said = checker.violations().front();
            if (checker.first_violated() != row.rule) break;  // by another checker: no good
            caught = seed;
        }
        empty += caught == 0 ? 1 : 0;
        fmt::print("{:<14} | {:<53} | {:>4} | {}\n", to_string(row.rule), row.bug,
                   caught == 0 ? "-" : std::to_string(caught), said);
        std::fflush(stdout);
    }
    return empty;
}

}  // namespace tb::sim
