// The known bugs: each is built in behind a switch, and must be caught by the checker that is
// there for it, and by no other.
#pragma once

#include <span>

#include "tests/simulation/checker.hpp"
#include "tests/simulation/options.hpp"

namespace tb::sim {

struct CanaryRow {
    Canary canary;
    Rule rule;
    const char* bug;
};
std::span<const CanaryRow> canary_rows();

// Makes room for the bug: other faults that would hide it, or be seen first, are off.
void tune_for(Canary canary, Options& options);

// Prints the table checker x canary x seed. The number of empty cells.
int show_canaries(std::int64_t hours);

}  // namespace tb::sim
