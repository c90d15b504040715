// The judges: one small function each, called at the moment at which something could be wrong, with
// what that step touched. None looks at the whole world but those of a restart and of the end.
#pragma once

#include "daemon/app.hpp"
#include "tests/simulation/issuer.hpp"
#include "tests/simulation/sim_store.hpp"

namespace tb::sim {

// A token as a caller got it.
struct Seen {
    std::string_view account;  // what it asked for, "r0/a1?user_id"
    std::string_view token;
    Millis promised{0};
    std::uint64_t generation = 0;
    bool stored = true;  // not of a token on demand, which lives in memory
};

void check_expired_token(Issuer& issuer, const Seen& seen, Issuer::Named token);
void check_foreign_token(Issuer& issuer, const Seen& seen, Issuer::Named token);
void check_promise(Issuer& issuer, const Seen& seen, Issuer::Named token);
// What anybody sees is on the disk: a power cut can't take it back.
void check_not_durable(Checker& checker, const Disk& disk, const Seen& seen);
// Generations never go back for one reader, not even over a crash.
void check_generation(Checker& checker, const Seen& seen, std::uint64_t& newest);
// Was it refused or served as its rights are?
void check_access(Checker& checker, uid_t uid, std::string_view account, bool permitted,
                  bool served, std::string_view error);

// It was before he asked, and is.
void check_paused(Checker& checker, uid_t uid, std::string_view account);
// The rule that everything is about: the store acknowledged a successor of what is presented now.
void check_spent_twice(Checker& checker, const Family& family, int number);
// A replacement goes that had been exchanged, by nobody's word: its newest grant is in force.
void check_grant_dropped(Issuer& issuer, std::string_view refresh_token);
void check_two_at_once(Checker& checker, const Family& family);
void check_budget(Checker& checker, Family& family, std::int64_t now_ms);
void check_retry_after(Checker& checker, std::string_view origin, BootTime now, BootTime asked);

void check_deadline(Checker& checker, uid_t uid, std::string_view account);
// A watcher that reads what it is sent knows the newest generation.
void check_watch(Checker& checker, uid_t uid, const daemon::Account& account,
                 std::uint64_t generation, BootTime now);
void check_limits_of_uid(Checker& checker, std::string_view what, std::size_t held,
                         std::size_t most);
// Of one uid's calls so many wait, and so many were refused as too many.
void check_waiters_of_uid(Checker& checker, std::size_t waiting, std::size_t refused);
bool is_over_limit(std::string_view reply);
// A uid that holds little is never told that it has too much.
void check_nobody_else(Checker& checker, uid_t uid, std::string_view reply);

// After a start: everything that the store had acknowledged is on the disk and in the daemon.
void check_records(Checker& checker, const Disk& disk, daemon::App& app);
// An account that wants a login though its grant can't be gone.
void check_grant_lost(Issuer& issuer, const Family* family, const daemon::Account& account);
// After the faults, and the longest that anything waits.
void check_recovery(Issuer& issuer, const Family* family, const daemon::Account& account,
                    BootTime now);

}  // namespace tb::sim
