// Every limit of the daemon, with its reason. A test for each (tests/tidy checks that) exceeds it
// and names the error.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace tb::limits {

// -- the socket --
// One call or reply. The largest honest frame is a token of 16 KiB in JSON with its header form;
// systemd allows 16 MiB, which would let one uid hold gigabytes.
inline constexpr std::size_t frame_bytes_max = 64 * 1024;
// Nesting of a call's JSON: our deepest method uses 4.
inline constexpr std::size_t json_depth_max = 16;
// Members of all objects in one call: the richest (AddAccount) has 50. More names in one object
// make its hash table slow, on the thread that serves everybody.
inline constexpr std::size_t call_members_max = 256;
// A game, its launcher and some scripts need a few each; 8 uids at this cap still fit in 20,000
// descriptors.
inline constexpr int connections_per_uid_max = 1'000;
inline constexpr int connections_max = 8'000;
// The last places go to uids that hold few connections: eight greedy uids can't keep root out.
inline constexpr int connections_reserved = 512;
inline constexpr int connections_per_uid_when_scarce = 8;
// Refused connections that stay open for a moment, so that a client which writes before it reads
// still learns why.
inline constexpr std::size_t refused_connections_kept = 32;
inline constexpr Millis refused_connection_kept_ms{1'000};
// One turn of one connection on the brain thread, and all that one uid has while others wait: some
// 0.1 ms of warm calls. A call that is parsed in full takes as long as some eight of these, and a
// little more for each KiB of it.
inline constexpr int frames_per_turn_max = 64;
inline constexpr int parsed_frame_weight = 8;
inline constexpr std::size_t frame_bytes_of_one_weight = 1024;
inline constexpr std::size_t reply_bytes_per_turn_max = 64 * 1024;
// Each costs some 30 us: who is connected already doesn't wait longer than for a turn.
inline constexpr int accepts_per_turn_max = 4;
// Half messages and untaken replies of all connections of one uid. Without it 1,000 connections of
// one stranger could hold 256 MiB of ours. 16 callers may be as slow as is allowed at all.
inline constexpr int bytes_held_per_uid_max = 16 * 1024 * 1024;
// accept() failed for want of descriptors or memory: asking again at once would spin.
inline constexpr Millis accept_pause_ms{100};
// Lines a minute about clients that break the protocol or are dropped: any local user can cause
// them, and the journal has limits of its own.
inline constexpr int client_log_lines_per_minute = 10;
// Calls of one uid that wait for a renewal. Each holds one of its connections, so more than those
// there can never be; half of them stay for calls that are answered at once.
inline constexpr int waiters_per_uid_max = connections_per_uid_max / 2;
// Accounts one uid watches, over all its connections.
inline constexpr int watches_per_uid_max = 10'000;
inline constexpr int watches_per_call_max = 1'000;
// NGROUPS_MAX: no process can have more.
inline constexpr std::size_t peer_groups_max = 65'536;
// Of one /proc file: a cgroup path is at most 4 KiB, on one line for each hierarchy.
inline constexpr std::size_t proc_file_bytes_max = 64 * 1024;
// The largest game executables known are 200 to 300 MB; hashing stalls the brain once per version.
inline constexpr std::size_t exe_hash_bytes_max = 512 * 1024 * 1024;
inline constexpr std::size_t exe_hashes_kept_max = 64;
// What our client takes from the daemon, as systemd: a status of many accounts is large.
inline constexpr std::size_t client_reply_bytes_max = 16 * 1024 * 1024;
// A client that takes no byte of a reply for this long is dropped; so is one that leaves half a
// frame lying.
inline constexpr Millis slow_client_ms{10'000};
// Unsent bytes a connection may hold before it counts as slow.
inline constexpr std::size_t unsent_bytes_max = 1024 * 1024;

// -- accounts and names --
inline constexpr std::size_t accounts_max = 1'000'000;
inline constexpr std::size_t account_name_bytes_max = 128;  // "client/name"
inline constexpr std::size_t attributes_max = 32;
inline constexpr std::size_t attribute_bytes_max = 1024;
inline constexpr std::size_t secret_bytes_max = 16 * 1024;
inline constexpr std::size_t parameters_max = 8;  // of one GetToken
inline constexpr std::size_t parameter_bytes_max = 512;
// Distinct (account, parameters) tokens on demand being minted or kept by one account.
inline constexpr std::size_t on_demand_entries_max = 1'024;

// -- waiting --
// What is in hand is given to a waiter this long before it is too old to be: timers come late, by a
// turn of the brain or two and by what the machine lets others have.
inline constexpr Millis timer_late_ms{50};
// Two renewals of an account by itself are this far apart, whatever its provider says of its
// tokens.
inline constexpr Millis renew_every_ms_min{1'000};
// Longer than most exchanges take: only then are watchers told that a token runs out.
inline constexpr Millis renewal_is_late_ms{5'000};
inline constexpr Millis reader_timeout_default_ms{10'000};
inline constexpr Millis reader_timeout_max_ms{300'000};
inline constexpr Millis exchange_timeout_ms{30'000};
// However short a token lives: a handshake over a slow link takes its time.
inline constexpr Millis exchange_timeout_min_ms{2'000};
// A timer that is later than this was not late by chance: we stood still. Then an exchange that has
// spent a grant listens on: what it waits for may have come meanwhile, or be on its way again. And
// so long it listens in any case: a turn of the loop, on a busy machine. More often than this it is
// the machine that can't keep up, and the deadline holds.
inline constexpr Millis late_min_ms{100};
inline constexpr Millis put_off_max_ms{5'000};
inline constexpr int put_off_max = 3;
// The loop re-reads the clocks at least this often: they change under us.
inline constexpr Millis sleep_max_ms{30'000};

// -- providers --
inline constexpr std::size_t reply_bytes_max =
    64 * 1024;  // headers and body of a token reply; the largest known is 8 KiB
inline constexpr std::size_t reply_headers_max = 100;
inline constexpr std::size_t error_text_bytes_max =
    256;  // of a provider's own words kept for people
inline constexpr std::size_t token_bytes_max = 16 * 1024;
inline constexpr Millis lifetime_max_ms{std::int64_t{10} * 365 * 86'400'000};
inline constexpr Millis retry_after_max_ms{3'600'000};
inline constexpr int exchanges_per_origin_default = 8;
inline constexpr int exchanges_default = 64;
// A group commit answers 128 renewals at once, and their connections are all idle for a moment:
// dropping them would pay a handshake (1 ms) for each of the next ones.
inline constexpr int idle_connections_per_origin_max = 128;
// Kept connections of all origins: each holds a descriptor and about 40 KiB.
inline constexpr std::size_t idle_connections_max = 256;
// Threads in getaddrinfo: a black-holed name holds one for as long as resolv.conf says.
inline constexpr std::size_t resolver_threads_max = 16;
// Names, TLS contexts, sessions remembered; more than any configuration has.
inline constexpr std::size_t names_remembered_max = 1'024;
// Addresses of one name that are tried.
inline constexpr std::size_t addresses_max = 8;
inline constexpr Millis addresses_fresh_ms{60'000};  // getaddrinfo tells no TTL
// How long a new look-up may take before the last good addresses are used again.
inline constexpr Millis lookup_patience_ms{2'000};
// RFC 8305's delay is 250 ms: the next address is tried while the one before goes on.
inline constexpr Millis next_address_ms{300};
inline constexpr int exchange_steps_max =
    8;  // a fallback chain, a second mint, a discovery; then give up

// -- logging in --
// People who log in at the same time; each holds a coroutine and an admin connection.
inline constexpr std::size_t logins_max = 16;
// Providers end a device code or an authorization request after 5 to 15 minutes.
inline constexpr Millis login_ms_max{900'000};
// Polls of a device code in that time, one a second at most, and what comes before and after.
inline constexpr int login_steps_max = 2'000;
// What a browser brings to the redirect URI: a code of some KiB at most.
inline constexpr std::size_t redirect_query_bytes_max = 16 * 1024;
// Grants being given back at once, and how long each may take: best effort.
inline constexpr std::size_t revocations_max = 64;
inline constexpr Millis revocation_timeout_ms{10'000};

// -- renewal --
inline constexpr Millis backoff_first_ms{1'000};
inline constexpr Millis backoff_max_ms{300'000};
inline constexpr Millis slow_probe_ms{3'600'000};  // CONFIG and NEVER: one try an hour
inline constexpr int breaker_failures = 5;
// After an outage, accounts that expired in it wait for the next probe: one request in 15 s is
// nothing to an origin, and five minutes of its accounts being dead are much to everybody else.
inline constexpr Millis breaker_probe_max_ms{15'000};
inline constexpr int refusals_per_origin_per_minute_max =
    10;  // more is an incident of the origin, not dead accounts
inline constexpr int reports_per_caller_per_minute_max = 6;  // ReportRejected that start a renewal
inline constexpr int reports_per_account_per_minute_max = 12;
// Of one account: who is not given which generation again. Each is looked at with each read.
inline constexpr std::size_t rejected_kept_max = 64;
// How long an operator's change whose commit is in doubt is asked about. A stop waits for it.
inline constexpr Millis known_within_ms{20'000};
inline constexpr Millis retired_grants_kept_ms{std::int64_t{30} * 86'400'000};

// Callers and accounts whose refusal was logged lately; more than this and the list starts anew.
inline constexpr std::size_t refusals_logged_max = 1'024;
// Accounts in one page of GetStatus.
inline constexpr std::int64_t status_page_max = 1'000;
// A walk over all accounts or watches (a status, a list, a reload, last uses, a step of the clock)
// looks at so many in one turn of the brain, then readers have theirs: of a million, 0.1 to 1 ms.
inline constexpr std::size_t accounts_per_turn = 256;
// Or at fewer: a status costs 5 us an account, ten thousand rules a millisecond. The clock of the
// loop counts whole ones, so a turn is 0 to 1 ms long, and what its last account takes.
inline constexpr Millis turn_ms_max{1};
// Last uses in one commit: what else waits for the store waits no longer than for a few of its own.
inline constexpr std::size_t touches_per_commit_max = 512;

// -- store --
inline constexpr std::size_t store_queue_max = 4'096;
inline constexpr std::size_t commit_group_max = 128;  // more rows a commit give nothing
inline constexpr std::size_t ballast_bytes =
    4 * 1024 * 1024;  // disk room kept for successors when the disk fills up
// Without any quiet the log is copied at 64 MiB, between two commits.
inline constexpr int store_log_pages_max = 16'384;
// Rows that a change of the master key seals anew in one commit: about 2 ms, which is what any
// other commit may have to wait for.
inline constexpr std::size_t rekey_rows_per_turn = 64;
// The last step of it writes the database anew (VACUUM), about 1 s for each 200 MB, in which no
// commit is made. Above this it waits for the daemon's stop.
inline constexpr std::int64_t rekey_vacuum_bytes_max = 64 * 1024 * 1024;

// -- backup --
// Sealed at once: its base64 and the JSON around it fit in one frame.
inline constexpr std::size_t backup_chunk_bytes = 32 * 1024;
// One account as stored: a grant and a token as large as one reply can bring, with its attributes.
inline constexpr std::size_t backup_record_bytes_max = 512 * 1024;
// A million accounts of 4 KiB, twice.
inline constexpr std::int64_t backup_bytes_max = std::int64_t{8} * 1024 * 1024 * 1024;
// With 0.4 s and 128 MiB for each guess, twelve characters of any sense are out of reach.
inline constexpr std::size_t backup_passphrase_bytes_min = 12;
// What a damaged or hostile file may ask of whoever reads it.
inline constexpr std::size_t backup_kdf_bytes_max = 1024 * 1024 * 1024;
// A backup or a restore that nobody goes on with makes room for the next, and lets the log shrink.
inline constexpr Millis backup_idle_ms{60'000};

// -- audit and doctor --
// Rows kept of hand-outs, and as many of refusals; of operators' acts and grants' fates a quarter
// each. With rows of 1 KiB at most all of it stays under audit_file_bytes_max.
inline constexpr std::size_t audit_rows_max = 20'000;
inline constexpr std::size_t audit_text_bytes_max = 400;  // of what a row says in words
inline constexpr std::size_t audit_file_bytes_max = 64 * 1024 * 1024;
// Rows that wait for the audit's thread: some seconds of the worst flood.
inline constexpr std::size_t audit_queue_max = 4'096;
inline constexpr std::size_t audit_batch_max = 512;
// Beyond that a uid's rows of one minute are counted, and one row says how many.
inline constexpr int audit_rows_per_uid_per_minute = 60;
// Uids whose rows are counted at the same time; the others share one count.
inline constexpr std::size_t audit_uids_max = 4'096;
// Callers (of one account) known to have been handed a token: 40 bytes each. More, and the list
// starts anew: then there are more rows, not fewer.
inline constexpr std::size_t audit_callers_max = 65'536;
inline constexpr Millis audit_again_ms{86'400'000};  // one row a day for a caller that goes on
// What a kill -9 can lose, and (synchronous=NORMAL) what a power cut can.
inline constexpr Millis audit_batch_ms{200};
inline constexpr Millis audit_sync_ms{10'000};
// Less room than this on the disk is for grants alone.
inline constexpr std::size_t audit_room_bytes_min = 16 * 1024 * 1024;
inline constexpr std::size_t audit_page_rows_max = 100;
inline constexpr std::size_t audit_readers_max = 16;
// One origin's answer to a probe without secrets, and how many origins are asked at once.
inline constexpr Millis probe_timeout_ms{10'000};
inline constexpr std::size_t probes_max = 8;
inline constexpr std::size_t findings_max = 1'000;  // a fleet of dead accounts is one incident

// -- configuration --
inline constexpr std::size_t config_file_bytes_max = 1024 * 1024;
inline constexpr std::size_t config_files_max = 256;
inline constexpr std::size_t access_rules_max = 10'000;
// What exchanges_max may be set to: each holds a TLS connection of some 50 KiB and a descriptor.
inline constexpr int exchanges_configurable_max = 1'000;

}  // namespace tb::limits
