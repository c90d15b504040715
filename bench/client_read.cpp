// Nanoseconds a read of a watched token, against the floor in the same run: a pointer that a thread
// keeps, used after a generation was compared. Only the ratio counts; the machine has its own pace.
// Rounds of floor and library take turns, and the median of each is shown; time is that of the
// thread's processor, as others may work on the machine.
//   client_read [THREADS]      default: one, then one for each core
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <tokenbroker.hpp>
#include <vector>

#include "tests/client/fake_daemon.hpp"
#include "tests/client/frames.hpp"

namespace {
constexpr long reads = 20'000'000;
constexpr int rounds = 7;

struct Floor {
    std::atomic<std::uint64_t> generation{1};
    const char* current = "at_test_floor";
};
struct Cached {
    std::uint64_t seen = 0;
    const char* token = nullptr;
};
// A call, as the library's is one.
__attribute__((noinline)) const char* read_floor(const Floor& floor, Cached& cached) {
    const std::uint64_t now = floor.generation.load(std::memory_order_acquire);
    if (now != cached.seen) {
        cached.seen = now;
        cached.token = floor.current;
    }
    return cached.token;
}
inline void use(const void* value) {
    asm volatile("" : : "r"(value) : "memory");
}

double thread_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Nanoseconds a call of `one`, on all threads at once; the slowest thread's.
template <class Prepare>
double measure(unsigned threads, Prepare prepare) {
    std::atomic<unsigned> ready = 0;
    std::vector<double> took(threads);
    std::vector<std::thread> running;
    for (unsigned i = 0; i < threads; ++i)
        running.emplace_back([&, i] {
            auto one = prepare();
            ++ready;
            while (ready < threads)
                std::this_thread::yield();
            const double from = thread_ns();
            for (long n = 0; n < reads; ++n)
                use(one());
            took[i] = (thread_ns() - from) / reads;
        });
    for (auto& thread : running)
        thread.join();
    return *std::max_element(took.begin(), took.end());
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void compare(unsigned threads, tokenbroker::watch& watch, const char* what) {
    Floor floor;
    std::vector<double> floors, ours;
    for (int round = 0; round < rounds; ++round) {
        floors.push_back(measure(threads, [&] {
            return [&floor, cached = Cached{}]() mutable {
                return static_cast<const void*>(read_floor(floor, cached));
            };
        }));
        ours.push_back(measure(threads, [&] {
            return [reader = *watch.open_reader()]() mutable {
                return static_cast<const void*>(reader.read().get());
            };
        }));
    }
    std::printf("%-38s %7u %10.2f %10.2f %8.2f\n", what, threads, median(floors), median(ours),
                median(ours) / median(floors));
}
}  // namespace

int main(int count, char** words) {
    using namespace tb::test;
    FakeDaemon daemon([](const std::string&) {
        return event("new_token", token_json(1, 3'600'000, "shop/main", 1024));
    });
    auto watch = tokenbroker::watch::open("shop/main", daemon.socket().c_str());
    if (!watch || watch->wait(5'000).code != TB_OK) return 1;
    std::printf("%-38s %7s %10s %10s %8s\n", "", "threads", "floor ns", "tb_read ns", "x floor");
    if (count > 1) {
        compare(static_cast<unsigned>(std::max(1, std::atoi(words[1]))), *watch, "unchanged token");
        return 0;
    }
    compare(1, *watch, "unchanged token");
    compare(std::max(2u, std::thread::hardware_concurrency()), *watch, "unchanged token");
    std::atomic<bool> done = false;
    std::thread changes([&] {
        for (std::int64_t generation = 2; !done; ++generation) {
            daemon.push(event("new_token", token_json(generation, 3'600'000, "shop/main", 1024)));
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    });
    compare(1, *watch, "a new token of 1 KB each 100 ms");
    done = true;
    changes.join();
    return 0;
}
