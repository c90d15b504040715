// The command: runs seeds, prints each, and how to run it again when it fails.
//   simulate --seeds 1..200 [--hours 2]        fixed seeds, each judged; the first failure ends it
//   simulate --forever                         random ones without end, for the night
//   simulate --random-seconds 30               random ones until so much processor time is used
//   simulate --canaries                        each known bug must be caught, and by its own
//   checker simulate --same-twice --seeds 1..3         the same seed, the same course simulate
//   --scenario speed [--hours 10000]  renewals a second with all checkers on simulate --seed 42
//   --hours 24 --log        one, with the daemon's log
#include <cstdlib>
#include <ctime>
#include <random>
#include <string_view>

#include "tests/simulation/canaries.hpp"
#include "tests/simulation/world.hpp"

namespace {

using namespace tb::sim;

struct Arguments {
    std::uint64_t first = 1;
    std::uint64_t last = 10;
    std::int64_t hours = 2;
    double random_seconds = 0;
    bool canaries = false;
    bool same_twice = false;
    bool speed = false;
    bool log = false;
    bool quiet = false;
};

// Of this process's own processor time: how busy the machine is says nothing of the simulation.
double processor_seconds() {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void tell_failure(const World& world) {
    const Options& options = world.options();
    for (const std::string& line : world.log().lines())
        fmt::print("  log: {}\n", line);
    fmt::print("  options: {}\n", Options::draw(options.seed, options.hours, Canary::none).text());
    for (const std::string& line : world.checker().violations())
        fmt::print("VIOLATED {}\n", line);
    fmt::print("run it again: simulate --seed {} --hours {} --log\n", options.seed, options.hours);
}

bool run(const Arguments& arguments, std::uint64_t seed, Counts& total) {
    if (!arguments.quiet) fmt::print("seed {}: ", seed);
    std::fflush(stdout);
    World world(Options::draw(seed, arguments.hours, Canary::none));
    if (arguments.log) const_cast<SimLog&>(world.log()).keep(1'000'000);
    world.run();
    const Checker& checker = world.checker();
    const Counts& c = checker.counts;
    total.add(c);
    if (!arguments.quiet)
        fmt::print(
            "{} renewals, {} tokens handed out, {} errors answered, {} watch events, {} crashes, "
            "{} "
            "stops, {} replays, {} healed, {} lost unavoidably, {} of {} commits failed, {} "
            "operations, {} logins, {} reloads, {} floods, hash {:016x}\n",
            c.renewals, c.handed_out, c.refused, c.watch_events, c.crashes, c.stops, c.replays,
            c.healed, c.lost, c.failed_commits, c.commits, c.operations, c.logins, c.reloads,
            c.floods, checker.hash());
    if (!checker.good() || arguments.log) {
        fmt::print("seed {}\n", seed);
        tell_failure(world);
    }
    return checker.good();
}

void tell_total(std::uint64_t runs, const Counts& c, double seconds) {
    fmt::print(
        "{} seed(s), {} renewals, {:.2f} simulated years of a daemon; {} tokens handed out, {} "
        "crashes, {} stops, {} replays, {} operations, {} logins, {} reloads, {} floods ({} calls "
        "over a limit); {} of "
        "{} commits failed; {:.1f} s of one processor: {:.0f} renewals/s\n",
        runs, c.renewals, static_cast<double>(c.virtual_ms) / (365.25 * 86'400'000.0), c.handed_out,
        c.crashes, c.stops, c.replays, c.operations, c.logins, c.reloads, c.floods, c.over_limit,
        c.failed_commits, c.commits, seconds,
        static_cast<double>(c.renewals) / std::max(0.001, seconds));
}

int run_all(const Arguments& arguments) {
    Counts total;
    const double began = processor_seconds();
    const auto seconds = [&] { return processor_seconds() - began; };
    std::uint64_t runs = 0;
    bool good = true;
    if (arguments.random_seconds > 0) {
        std::random_device device;
        while (good && seconds() < arguments.random_seconds) {
            good = run(arguments, device(), total);
            if (++runs % 1'000 == 0) tell_total(runs, total, seconds());
        }
    } else {
        for (std::uint64_t seed = arguments.first; good && seed <= arguments.last; ++seed, ++runs)
            good = run(arguments, seed, total);
    }
    tell_total(runs, total, seconds());
    return good ? 0 : 1;
}

int same_twice(const Arguments& arguments) {
    int different = 0;
    for (std::uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
        std::uint64_t hashes[2] = {};
        for (std::uint64_t& hash : hashes) {
            World world(Options::draw(seed, arguments.hours, Canary::none));
            world.run();
            hash = world.checker().hash();
        }
        const bool same = hashes[0] == hashes[1];
        different += same ? 0 : 1;
        fmt::print("seed {}: {:016x} {:016x} {}\n", seed, hashes[0], hashes[1],
                   same ? "the same course" : "DIFFERENT COURSES");
    }
    return different == 0 ? 0 : 1;
}

int speed(const Arguments& arguments) {
    World world(Options::speed(arguments.first, arguments.hours));
    const double began = processor_seconds();
    world.run();
    const Counts& c = world.checker().counts;
    tell_total(1, c, processor_seconds() - began);
    if (!world.checker().good()) tell_failure(world);
    return world.checker().good() ? 0 : 1;
}

[[noreturn]] void usage() {
    fmt::print(stderr,
               "usage: simulate [--seeds A..B | --seed N | --random-seconds S | --forever | "
               "--canaries | --same-twice | --scenario speed] [--hours H] [--log] [--quiet]\n");
    std::exit(2);
}

Arguments parse(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : "";
        char* end = nullptr;
        if (word == "--canaries") {
            arguments.canaries = true;
        } else if (word == "--same-twice") {
            arguments.same_twice = true;
        } else if (word == "--log") {
            arguments.log = true;
        } else if (word == "--quiet") {
            arguments.quiet = true;
        } else if (word == "--forever") {
            arguments.random_seconds = 1e18;
        } else if (word == "--seeds" || word == "--seed") {
            arguments.first = arguments.last = std::strtoull(value, &end, 10);
            if (std::string_view(end).starts_with(".."))
                arguments.last = std::strtoull(end + 2, nullptr, 10);
            ++i;
        } else if (word == "--hours") {
            arguments.hours = std::strtoll(value, &end, 10);
            ++i;
        } else if (word == "--random-seconds") {
            arguments.random_seconds = std::strtod(value, &end);
            ++i;
        } else if (word == "--scenario" && std::string_view(value) == "speed") {
            arguments.speed = true;
            ++i;
        } else {
            usage();
        }
    }
    return arguments;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = parse(argc, argv);
    if (arguments.canaries) return show_canaries(arguments.hours) == 0 ? 0 : 1;
    if (arguments.same_twice) return same_twice(arguments);
    if (arguments.speed) return speed(arguments);
    return run_all(arguments);
}
