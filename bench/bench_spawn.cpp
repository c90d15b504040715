// Microseconds of a whole process: from posix_spawn (which is a vfork, so that our own size doesn't
// count) to the end of it. Prints one line of JSON. What it writes goes to /dev/null; it must end
// with 0.
//   bench_spawn TIMES PROGRAM [ARGUMENT...]
#include <fcntl.h>
#include <fmt/core.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

double now_us() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

double run_once(const posix_spawn_file_actions_t& actions, char** words) {
    const double from = now_us();
    pid_t child = 0;
    if (const int error = ::posix_spawn(&child, words[0], &actions, nullptr, words, ::environ)) {
        fmt::print(stderr, "bench_spawn: can't start {}: error {}\n", words[0], error);
        std::exit(1);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) {
        fmt::print(stderr, "bench_spawn: {} ended with status {:#x}\n", words[0], status);
        std::exit(1);
    }
    return now_us() - from;
}

}  // namespace

int main(int count, char** words) {
    const long times = count > 2 ? std::strtol(words[1], nullptr, 10) : 0;
    if (times < 1) {
        std::fputs("usage: bench_spawn TIMES PROGRAM [ARGUMENT...]\n", stderr);
        return 2;
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    (void)run_once(actions, words + 2);  // its pages are in memory then
    std::vector<double> took;
    for (long i = 0; i < times; ++i)
        took.push_back(run_once(actions, words + 2));
    std::sort(took.begin(), took.end());
    fmt::print("{{\"p50_us\":{:.2f},\"p99_us\":{:.2f}}}\n", took[took.size() / 2],
               took[took.size() * 99 / 100]);
    return 0;
}
