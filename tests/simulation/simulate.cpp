// The command: runs seeds, prints each before it starts, and how to run it again when it fails.
//   simulate --seeds 1..10 [--hours 2]      fixed seeds
//   simulate --random-seconds 30            random ones until the time is up
//   simulate --canaries                     each known bug must be caught, and by its own rule
//   simulate --seed 42 --hours 24 --log     one, with the daemon's log
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <string_view>

#include "tests/simulation/world.hpp"

namespace {

using namespace tb::sim;

struct Arguments {
    std::uint64_t first = 1;
    std::uint64_t last = 10;
    std::int64_t hours = 2;
    int random_seconds = 0;
    bool canaries = false;
    bool log = false;
};

bool run(const Arguments& arguments, std::uint64_t seed, Counts& total, std::string* caught,
         Canary canary) {
    if (canary == Canary::none) {
        fmt::print("seed {}: ", seed);
        std::fflush(stdout);
    }
    World world(Options::draw(seed, arguments.hours, canary));
    world.run();
    const Checker& checker = world.checker();
    const Counts& c = checker.counts;
    total.renewals += c.renewals;
    total.handed_out += c.handed_out;
    total.crashes += c.crashes;
    total.commits += c.commits;
    if (caught != nullptr && !checker.good()) *caught = checker.violations().front();
    if (canary != Canary::none) return checker.good();
    fmt::print(
        "{} renewals, {} tokens handed out, {} errors answered, {} watch events, {} crashes, {} "
        "stops, {} replays, {} healed, "
        "{} lost unavoidably, {} of {} commits failed\n",
        c.renewals, c.handed_out, c.refused, c.watch_events, c.crashes, c.stops, c.replays,
        c.healed, c.lost, c.failed_commits, c.commits);
    if (arguments.log || !checker.good())
        for (const std::string& line : world.log_tail(arguments.log ? 100'000 : 40))
            fmt::print("  log: {}\n", line);
    for (const std::string& line : checker.violations())
        fmt::print("VIOLATED {}\n", line);
    if (!checker.good())
        fmt::print("run it again: simulate --seed {} --hours {} --log\n", seed, arguments.hours);
    return checker.good();
}

// Each known bug within at most this many seeds.
int canaries(const Arguments& arguments) {
    struct Row {
        Canary canary;
        const char* name;
        std::string_view rule;
    };
    const Row rows[] = {{Canary::store_lies, "the store lies", "spent twice"},
                        {Canary::clock_runs_slow, "lifetimes too long", "expired token"},
                        {Canary::two_at_once, "two exchanges at once", "two at once"},
                        {Canary::deaf, "answers get lost", "deadline"},
                        {Canary::stuck, "no recovery", "recovery"}};
    int missed = 0;
    for (const Row& row : rows) {
        std::string caught;
        std::uint64_t seed = 0;
        Counts total;
        constexpr std::uint64_t seeds_max = 20;
        while (seed < seeds_max && caught.find(row.rule) == std::string::npos) {
            caught.clear();
            run(arguments, ++seed, total, &caught, row.canary);
        }
        const bool found = caught.find(row.rule) != std::string::npos;
        missed += found ? 0 : 1;
        fmt::print("canary '{}': {} by '{}', seed {}: {}\n", row.name, found ? "caught" : "MISSED",
                   row.rule, seed, caught);
    }
    return missed;
}

Arguments parse(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : "";
        if (word == "--seeds") {
            char* end = nullptr;
            arguments.first = std::strtoull(value, &end, 10);
            arguments.last = std::string_view(end).starts_with("..")
                                 ? std::strtoull(end + 2, nullptr, 10)
                                 : arguments.first;
        } else if (word == "--seed") {
            arguments.first = arguments.last = std::strtoull(value, nullptr, 10);
        } else if (word == "--hours") {
            arguments.hours = std::strtoll(value, nullptr, 10);
        } else if (word == "--random-seconds") {
            arguments.random_seconds = std::atoi(value);
        } else if (word == "--canaries") {
            arguments.canaries = true;
            continue;
        } else if (word == "--log") {
            arguments.log = true;
            continue;
        } else {
            fmt::print(stderr,
                       "usage: simulate [--seeds A..B | --seed N | --random-seconds S | "
                       "--canaries] [--hours H] [--log]\n");
            std::exit(2);
        }
        ++i;
    }
    return arguments;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = parse(argc, argv);
    if (arguments.canaries) return canaries(arguments) == 0 ? 0 : 1;
    Counts total;
    const auto began = std::chrono::steady_clock::now();
    const auto seconds = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    std::uint64_t runs = 0;
    bool good = true;
    if (arguments.random_seconds > 0) {
        std::random_device device;
        while (good && seconds() < arguments.random_seconds) {
            good = run(arguments, device(), total, nullptr, Canary::none);
            ++runs;
        }
    } else {
        for (std::uint64_t seed = arguments.first; good && seed <= arguments.last; ++seed, ++runs)
            good = run(arguments, seed, total, nullptr, Canary::none);
    }
    fmt::print(
        "{} run(s) of {} h, {} renewals, {} tokens handed out, {} crashes in {:.1f} s: {:.0f} "
        "renewals/s\n",
        runs, arguments.hours, total.renewals, total.handed_out, total.crashes, seconds(),
        static_cast<double>(total.renewals) / std::max(0.001, seconds()));
    return good ? 0 : 1;
}
