// What the test has asked for, and what became of it: counts of system calls by thread and number,
// one place to kill at, one set of calls that fail.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "tracee.hpp"

namespace at_syscall {

class Orders {
  public:
    explicit Orders(pid_t process) : process_(process) {}

    // One line from the test; the answer, one or more lines with their ends.
    //   count                          counts from now on
    //   list                           THREAD NUMBER COUNT a line, then a dot; counting ends
    //   kill THREAD NUMBER K WHERE     counts from now on; WHERE is before or after
    //   fail ERROR FOLDER NUMBER...    these calls on files of FOLDER fail from now on
    //   heal                           no more; says how many failed
    std::string take(const std::string& line);

    // Whether calls are of interest at all.
    bool active() const { return counting_ || place_ || failing_; }

    // A thread stands before or behind a call. True: the process was killed here.
    bool stopped(pid_t thread, const Call& call);

  private:
    struct Place {
        std::string thread;
        std::uint64_t number = 0;
        int k = 0;
        bool before = false;
    };
    struct Failing {
        int error = 0;
        std::string folder;
        std::set<std::uint64_t> numbers;
        int done = 0;
    };
    bool concerns(const Call& call) const;
    bool strike(const std::string& name, std::uint64_t number, bool entry);

    pid_t process_;
    bool counting_ = false;
    std::map<std::pair<std::string, std::uint64_t>, int> counts_;
    std::optional<Place> place_;
    std::optional<Failing> failing_;
    // Threads inside a call: its name and number as counted.
    std::map<pid_t, std::pair<std::string, std::uint64_t>> inside_;
    std::set<pid_t> skipped_;
};

}  // namespace at_syscall
