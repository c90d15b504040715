// See checks.hpp.
#include "tests/simulation/checks.hpp"

#include "base/limits.hpp"

namespace tb::sim {

void check_expired_token(Issuer& issuer, const Seen& seen, Issuer::Named token) {
    if (token.family == nullptr || issuer.alive(*token.family, token.number)) return;
    const Family& family = *token.family;
    const bool kept = token.number > family.accesses - static_cast<int>(family.expires_ms.size());
    const std::int64_t ago =
        issuer.now_ms() -
        family.expires_ms[static_cast<std::size_t>(token.number) % family.expires_ms.size()];
    if (kept && ago < issuer.drift_ms(family.lifetime)) return;
    issuer.checker().violated(Rule::expired_token, "{} was handed {}, which expired {} ms ago",
                              seen.account, seen.token, ago);
}

void check_foreign_token(Issuer& issuer, const Seen& seen, Issuer::Named token) {
    if (token.family != nullptr && token.family->account == seen.account && token.number >= 0)
        return;
    issuer.checker().violated(Rule::foreign_token, "{} was handed {}, a token of {}", seen.account,
                              seen.token,
                              token.family == nullptr ? "nobody" : token.family->account);
}

void check_promise(Issuer& issuer, const Seen& seen, Issuer::Named token) {
    if (seen.promised == Millis{0} || token.family == nullptr ||
        token.family->lifetime == Millis{0} || !issuer.alive(*token.family, token.number))
        return;
    const Family& family = *token.family;
    const std::int64_t left =
        family.expires_ms[static_cast<std::size_t>(token.number) % family.expires_ms.size()] -
        issuer.now_ms();
    const std::int64_t slack = issuer.drift_ms(family.lifetime) + family.told_too_long.count();
    if (left + slack < seen.promised.count())
        issuer.checker().violated(Rule::promise, "{} was promised {} ms and got {}", seen.account,
                                  seen.promised.count(), left);
}

void check_not_durable(Checker& checker, const Disk& disk, const Seen& seen) {
    if (!seen.stored) return;
    const auto found = disk.generations.find(seen.account);
    if (found != disk.generations.end() && seen.generation <= found->second) return;
    checker.violated(Rule::not_durable, "{}: generation {} was seen, but the disk has {}",
                     seen.account, seen.generation,
                     found == disk.generations.end() ? 0 : found->second);
}

void check_generation(Checker& checker, const Seen& seen, std::uint64_t& newest) {
    if (seen.generation < newest)
        checker.violated(Rule::generation, "{}: generation {} after {}", seen.account,
                         seen.generation, newest);
    newest = std::max(newest, seen.generation);
}

void check_access(Checker& checker, uid_t uid, std::string_view account, bool permitted,
                  bool served, std::string_view error) {
    const bool unknown = error == "io.tokenbroker.tokens.UnknownAccount";
    if (permitted && unknown) checker.violated(Rule::access, "uid {} was refused {}", uid, account);
    if (!permitted && served)
        checker.violated(Rule::access, "uid {} was handed a token of {}", uid, account);
    if (!permitted && !served && !unknown)
        checker.violated(Rule::access, "uid {} learnt that {} exists: {}", uid, account, error);
}

void check_paused(Checker& checker, uid_t uid, std::string_view account) {
    checker.violated(Rule::access, "uid {} was handed a token of {}, which is paused", uid,
                     account);
}

void check_spent_twice(Checker& checker, const Family& family, int number) {
    if (family.rotates && number < family.acknowledged)
        checker.violated(Rule::spent_twice,
                         "{}: refresh token {} was sent again after {} was acknowledged",
                         family.account, number, family.acknowledged);
}

void check_grant_dropped(Issuer& issuer, std::string_view refresh_token) {
    const Issuer::Named grant = issuer.named(refresh_token);
    if (grant.family == nullptr || grant.number < 1) return;  // as it was pasted
    const Family& family = *grant.family;
    const std::int64_t age_ms = issuer.now_ms() - family.rotated_ms;
    const bool ended = family.grant_life > Millis{0} && age_ms > family.grant_life.count();
    if (grant.number != family.issued || family.revoked || family.revoked_by_operator || ended)
        return;
    issuer.checker().violated(Rule::grant_dropped, "{}: its refresh token {} is in force and gone",
                              family.account, grant.number);
}

void check_two_at_once(Checker& checker, const Family& family) {
    if (family.in_flight > 1)
        checker.violated(Rule::two_at_once, "{}: two exchanges of one grant at the same time",
                         family.account);
}

// Twice what a token's life asks for, one a minute for backoff, and what callers and operators set
// off (World adds that); 40 at once for a burst of failures after an outage.
void check_budget(Checker& checker, Family& family, std::int64_t now_ms) {
    constexpr double most = 40;
    const double life_ms =
        family.lifetime == Millis{0} ? 86'400'000.0 : static_cast<double>(family.lifetime.count());
    Budget& budget = *family.budget;
    const auto passed = static_cast<double>(now_ms - budget.at_ms);
    budget.at_ms = now_ms;
    budget.left = std::min(std::max(most, budget.left),
                           budget.left + passed * (2 / (0.65 * life_ms) + 1.0 / 60'000)) -
                  1;
    if (budget.left < 0)
        checker.violated(Rule::budget,
                         "{}: more calls than its life, its failures and its callers need",
                         family.account);
}

void check_retry_after(Checker& checker, std::string_view origin, BootTime now, BootTime asked) {
    if (now < asked)
        checker.violated(Rule::retry_after, "{} is asked {} ms before the end of its Retry-After",
                         origin, (asked - now).count());
}

void check_deadline(Checker& checker, uid_t uid, std::string_view account) {
    checker.violated(Rule::deadline, "uid {} has no answer for {} after its time-out", uid,
                     account);
}

void check_watch(Checker& checker, uid_t uid, const daemon::Account& account,
                 std::uint64_t generation, BootTime now) {
    if (account.paused || account.removed || account.withheld() || account.slot.hand_out.empty() ||
        account.slot.generation == generation)
        return;
    // What is nearly dead when it comes is sent to nobody, and what he reported as refused not to
    // him: see daemon/watch.cpp.
    if (account.rejected_by(uid, account.slot.generation)) return;
    if (account.slot.remaining(now) < daemon::hand_out_min(account)) return;
    checker.violated(Rule::stale_watch,
                     "uid {} watches {} and knows generation {}, but {} is there", uid,
                     account.name, generation, account.slot.generation);
}

void check_limits_of_uid(Checker& checker, std::string_view what, std::size_t held,
                         std::size_t most) {
    if (held > most)
        checker.violated(Rule::uid_limits, "one uid holds {} {}, and may hold {}", held, what,
                         most);
}

void check_waiters_of_uid(Checker& checker, std::size_t waiting, std::size_t refused) {
    constexpr auto most = static_cast<std::size_t>(limits::waiters_per_uid_max);
    check_limits_of_uid(checker, "waiters", waiting, most);
    if (refused > 0 && waiting < most)
        checker.violated(Rule::uid_limits, "{} calls were refused while {} wait, and {} may",
                         refused, waiting, most);
}

bool is_over_limit(std::string_view reply) {
    return reply.find("io.tokenbroker.tokens.TooManyRequests") != std::string_view::npos;
}

void check_nobody_else(Checker& checker, uid_t uid, std::string_view reply) {
    if (is_over_limit(reply))
        checker.violated(Rule::uid_limits, "uid {} holds little and was told: {}", uid, reply);
}

void check_records(Checker& checker, const Disk& disk, daemon::App& app) {
    for (const auto& [id, acknowledged] : disk.acknowledged) {
        const auto found = disk.rows.find(id);
        if (found == disk.rows.end()) {
            checker.violated(Rule::record_lost, "an acknowledged account is gone: row {}", id);
            continue;
        }
        const storage::AccountRecord& record = found->second.record;
        if (record.grant_version < acknowledged.grant_version ||
            record.generation < acknowledged.generation ||
            (acknowledged.paused && record.paused != *acknowledged.paused))
            checker.violated(
                Rule::record_lost,
                "{}: version {} generation {} were acknowledged, the disk has {} and {}",
                record.name, acknowledged.grant_version, acknowledged.generation,
                record.grant_version, record.generation);
        if (record.candidate_for) continue;
        const daemon::Account* account = app.accounts().find(record.name);
        if (account == nullptr || account->id != id || account->paused != record.paused ||
            account->grant_version != record.grant_version ||
            account->newest_generation < record.generation)
            checker.violated(Rule::record_lost, "{} is on the disk but not so in the daemon",
                             record.name);
    }
    for (const auto& [id, row] : disk.rows)
        if (disk.removed.contains(id))
            checker.violated(Rule::record_lost, "{} is back after its removal was acknowledged",
                             row.record.name);
}

void check_grant_lost(Issuer& issuer, const Family* family, const daemon::Account& account) {
    if (account.state != storage::GrantState::login_required) return;
    if (family != nullptr && issuer.lost_unavoidably(*family)) return;
    if (account.reason.find("revoked by an operator") != std::string::npos) return;
    issuer.checker().violated(Rule::grant_lost, "{} under {}: {}", account.name,
                              family == nullptr ? "?" : to_string(family->policy), account.reason);
}

void check_recovery(Issuer& issuer, const Family* family, const daemon::Account& account,
                    BootTime now) {
    const std::string_view state = daemon::state_name(account, now);
    const bool given_up = state == "login_required" &&
                          (family == nullptr || issuer.lost_unavoidably(*family) ||
                           account.reason.find("revoked by an operator") != std::string::npos);
    // Nothing but a caller sets off a try of a token on demand.
    const bool on_demand = daemon::effective_policy(account) == providers::Policy::on_demand;
    if (state == "misconfigured" && on_demand) return;
    // A deferred replay waits until the token in hand is nearly used up.
    const bool deferred =
        account.client &&
        account.client->client->ambiguous_retry == daemon::AmbiguousRetry::defer &&
        account.slot.remaining(now) > Millis{0};
    if (state == "outcome_unknown" && deferred) return;
    if (state == "fresh" || state == "static" || state == "idle" || state == "paused" || given_up)
        return;
    const daemon::Slot& slot = account.slot;
    issuer.checker().violated(Rule::recovery,
                              "{} is {} long after the last fault: {}; its token ended {} ms ago, "
                              "the newest exchange was "
                              "sent {} ms ago, {}, {} failures in a row, not before {} ms",
                              account.name, state, account.reason, (now - slot.expires_at).count(),
                              (now - slot.sent_at).count(),
                              slot.in_flight ? "in flight" : "waits for a place",
                              slot.failures_in_row, (slot.not_before - now).count());
}

}  // namespace tb::sim
