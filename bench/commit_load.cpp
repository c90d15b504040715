// One renewal's durable commit, beside its floor: an overwrite of 4 KiB and fdatasync of the same
// disk, the two in turns. Also how many system calls' worth of work a group saves.
//   commit_load --state DIR --rounds N      DIR as bench/make_store left it, on the disk to measure
// Prints {"floor_us":..,"commit_us":..,"commit_p99_us":..,"group_us":..,"groups_of":64} (medians).
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/system_clock.hpp"
#include "storage/ledger.hpp"

namespace {

using namespace tb;
using namespace tb::storage;
using Steady = std::chrono::steady_clock;

constexpr std::size_t group_of = 64;

[[noreturn]] void give_up(std::string_view why) {
    fmt::print(stderr, "commit_load: {}\n", why);
    std::exit(1);
}

double us_since(Steady::time_point begin) {
    return std::chrono::duration<double, std::micro>(Steady::now() - begin).count();
}

double at_share(std::vector<double> values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

std::shared_ptr<Change> renewed(AccountId account, std::uint64_t version, const Clock& clock) {
    Renewed change;
    change.account = account;
    change.grant_version = version;
    change.new_grant.emplace();
    change.new_grant->set("refresh_token", Secret(fmt::format("rt_test_{}_{}", account, version)));
    change.token.generation = version + 1;
    change.token.access_token = Secret(std::string(1024, 'x'));
    change.token.header_name = "Authorization";
    change.token.header_prefix = "Bearer ";
    change.token.boot_id = clock.boot_id();
    change.token.lifetime = Millis{3'600'000};
    return std::make_shared<Change>(std::move(change));
}

// The time of one group of renewals, each of an account that none before was of.
double commit(Ledger& ledger, AccountId& next, std::size_t count, const Clock& clock) {
    std::vector<std::shared_ptr<Change>> changes;
    std::vector<Work> group;
    for (std::size_t i = 0; i < count; ++i) {
        changes.push_back(renewed(next++, 1, clock));
        group.push_back({Work::Kind::change, 0, changes.back().get(), changes.back()});
    }
    const auto begin = Steady::now();
    const auto answers = ledger.commit(group);
    const double took = us_since(begin);
    for (const auto& answer : answers)
        if (!answer) give_up(answer.error().message);
    return took;
}

double overwrite(int fd, int turn) {
    static const std::string block(4096, 'f');
    const auto begin = Steady::now();
    if (::pwrite(fd, block.data(), block.size(), (turn % 256) * 4096) != 4096 ||
        ::fdatasync(fd) != 0)
        give_up("the floor could not be written");
    return us_since(begin);
}

int open_floor(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::string zeros(256 * 4096, '\0');
    if (fd < 0 || ::write(fd, zeros.data(), zeros.size()) < 0 || ::fsync(fd) != 0)
        give_up("no floor file can be made");
    return fd;
}

}  // namespace

int main(int argc, char** argv) {
    std::map<std::string_view, std::string> given;
    for (int i = 1; i + 1 < argc; i += 2)
        given[argv[i]] = argv[i + 1];
    const int rounds = std::atoi(given["--rounds"].c_str());
    if (given["--state"].empty() || rounds < 1) give_up("--state and --rounds are needed");
    boost::asio::io_context context;
    const auto clock = create_system_clock(context.get_executor());
    StderrLog log(Level::warning);
    SystemRandom random;
    SqliteOptions options;
    options.state_dir = given["--state"];
    auto opened = Ledger::open(options, random, log);
    if (!opened) give_up(opened.error().message);
    Ledger& ledger = **opened;
    const int floor = open_floor(given["--state"] + "/floor");
    std::vector<double> floors;
    std::vector<double> singles;
    std::vector<double> groups;
    AccountId next = 1;
    for (int i = 0; i < rounds; ++i) {
        floors.push_back(overwrite(floor, i));
        singles.push_back(commit(ledger, next, 1, *clock));
        if (i % 8 == 0) groups.push_back(commit(ledger, next, group_of, *clock));
    }
    fmt::print(
        "{{\"floor_us\":{:.1f},\"commit_us\":{:.1f},\"commit_p99_us\":{:.1f},\"group_us\":{:.1f},"
        "\"groups_of\":{}}}\n",
        at_share(floors, 0.5), at_share(singles, 0.5), at_share(singles, 0.99),
        at_share(groups, 0.5), group_of);
    return 0;
}
