// See checker.hpp.
#include "tests/simulation/checker.hpp"

#include <array>

namespace tb::sim {

std::string_view to_string(Rule rule) {
    static constexpr std::array<std::string_view, rule_count> names = {
        "expired token", "foreign token", "access",      "promise",       "generation",
        "not durable",   "record lost",   "two at once", "spent twice",   "grant lost",
        "grant dropped", "deadline",      "stale watch", "limits of uid", "recovery",
        "budget",        "retry-after",   "stop",        "protocol"};
    return names[static_cast<std::size_t>(rule)];
}

void Counts::add(const Counts& other) {
    constexpr std::uint64_t Counts::* all[] = {
        &Counts::renewals,   &Counts::handed_out, &Counts::refused,        &Counts::crashes,
        &Counts::stops,      &Counts::replays,    &Counts::healed,         &Counts::lost,
        &Counts::commits,    &Counts::logins,     &Counts::failed_commits, &Counts::watch_events,
        &Counts::operations, &Counts::reloads,    &Counts::floods,         &Counts::virtual_ms,
        &Counts::over_limit};
    for (const auto one : all)
        this->*one += other.*one;
}

void Checker::record(Rule rule, std::string text) {
    if (violations_.empty()) first_ = rule;
    violations_.push_back(fmt::format("[{:.3f} s] {}: {}",
                                      static_cast<double>(clock_.world_ms()) / 1000.0,
                                      to_string(rule), text));
}

}  // namespace tb::sim
