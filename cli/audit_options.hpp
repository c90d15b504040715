// The options of audit and doctor. Included by cli/arguments.cpp alone, for CLI11 is slow to
// compile.
#pragma once

#include "cli/option_kinds.hpp"

namespace tb::cli {

inline CLI::App& audit_options(CLI::App& app, Audit& into) {
    CLI::App& audit = command(app, "audit", "Who was handed tokens or refused, and what was done",
                              "  tokenbroker audit --refused --since 2h\n"
                              "  tokenbroker audit shop/main --follow\n"
                              "  tokenbroker audit --since '2026-11-22 03:00' --json");
    audit.add_option("ACCOUNT", into.account, "Only of this account");
    audit.add_option("--since", into.since, "Not older: a duration, or a time of day")
        ->type_name("TIME");
    audit.add_option("--uid", into.uid, "Only of this user")
        ->type_name("UID")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{4'294'967'294}));
    audit.add_option("--newest", into.newest, "Without --since: so many (default 200)")
        ->type_name("N")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}));
    audit.add_flag("--refused", into.refused, "Only refusals");
    audit.add_flag("--follow", into.follow, "Then each new row, until interrupted");
    return audit;
}

inline CLI::App& doctor_options(CLI::App& app, Doctor& into) {
    CLI::App& doctor = command(app, "doctor", "Look for what is wrong, and say what to do",
                               "  tokenbroker doctor\n"
                               "  tokenbroker doctor --json");
    doctor.add_option("--config", into.config, "Where no daemon answers: its configuration")
        ->type_name("FILE");
    doctor.add_flag("--no-probe", into.no_probe, "Don't ask the providers for their root");
    return doctor;
}

}  // namespace tb::cli
