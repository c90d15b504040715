// What an exchange brought, and what becomes of the account. A parsed success is always committed;
// only a parsed, provider-specific refusal is final.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "daemon/backoff.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {

using providers::Failed;
using providers::Minted;
using storage::GrantState;

namespace {

storage::TokenRecord record_of(Minted& token, const ClientRuntime& client, const Deps& deps,
                               std::uint64_t generation) {
    storage::TokenRecord record;
    record.generation = generation;
    record.access_token = std::move(token.access_token);
    record.header_name = std::move(token.header_name);
    record.header_prefix = std::move(token.header_prefix);
    record.query_name = std::move(token.query_name);
    record.scopes = std::move(token.scopes);
    record.attributes = std::move(token.attributes);
    record.sent_at = token.sent_at;
    record.boot_id = deps.clock.boot_id();
    record.sent_wall = deps.clock.wall() - (deps.clock.now() - token.sent_at);
    record.lifetime = token.lifetime;
    if (record.lifetime)
        record.lifetime = std::clamp(*record.lifetime, Millis{0}, limits::lifetime_max_ms);
    record.renew_fraction = deps.random.uniform(client.traits.renew_from, client.traits.renew_to);
    return record;
}

// A provider that does the same odd thing at each renewal is worth one line, not one in each 209 s.
void log_warnings(Account& account, const std::vector<std::string>& warnings, Log& log) {
    std::string all;
    for (const std::string& warning : warnings)
        all += warning + '\n';
    const std::size_t hash = all.empty() ? 0 : std::hash<std::string>{}(all);
    if (std::exchange(account.warned, hash) == hash) return;
    for (const std::string& warning : warnings)
        log.warning("{}: {}", account.name, warning);
}

std::string clock_text(WallTime at) {
    const std::time_t seconds = static_cast<std::time_t>(to_ms(at) / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:02}:{:02}:{:02} UTC", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

awaitable<void> Broker::minted(std::shared_ptr<Attempt> attempt, std::shared_ptr<Minted> token) {
    Account& account = *attempt->account;
    log_warnings(account, token->warnings, deps_.log);
    const std::uint64_t generation = ++account.newest_generation;
    std::optional<SecretSet> new_grant = std::move(token->new_grant);
    const std::optional<Millis> grant_lifetime = token->grant_lifetime;
    const bool rotated = new_grant.has_value();
    // Should a login or a removal have been quicker: what came now is nobody's, and is revoked.
    std::shared_ptr<SecretSet> successor;
    if (rotated && attempt->client->traits.revokes)
        successor = std::make_shared<SecretSet>(new_grant->copy());
    auto change = std::make_shared<storage::Change>(storage::Renewed{});
    auto& renewed = std::get<storage::Renewed>(*change);
    renewed.account = account.id;
    renewed.grant_version = attempt->grant_version;
    renewed.token = record_of(*token, *attempt->client, deps_, generation);
    renewed.new_grant = std::move(new_grant);
    // A grant whose life is told anew counts from now: else its keep-alive would be due at once.
    const bool prolonged = rotated || grant_lifetime;
    renewed.grant_obtained_at = prolonged ? renewed.token.sent_wall : account.grant_obtained_at;
    renewed.grant_expires_at = account.grant_expires_at;
    if (grant_lifetime) renewed.grant_expires_at = renewed.token.sent_wall + *grant_lifetime;
    const WallTime obtained = renewed.grant_obtained_at;
    const std::optional<WallTime> expires = renewed.grant_expires_at;
    const storage::TokenRecord visible = renewed.token.copy();
    // A token for one user's parameters is not the account's own: it lives in memory, and in the
    // store it would be dead at once.
    const bool own = attempt->slot->key.empty();
    if (!own) renewed.token.lifetime = Millis{0};
    if (own || rotated) {
        const Result<storage::Committed> stored = co_await commit_until_durable(attempt, change);
        if (!stored) {
            deps_.log.notice("{}: a renewal came too late ({}): its token is dropped", account.name,
                             stored.error().message);
            give_back(attempt->client, account.name, successor);
            co_return;
        }
        account.grant_version = stored->grant_version;
        account.grant_obtained_at = obtained;
        account.grant_expires_at = expires;
        account.intent.reset();
    }
    if (account.state != GrantState::good) {
        const std::string_view from = state_name(account, deps_.clock.now());
        deps_.log.notice("{}: recovered from {}", account.name, from);
        audit_.grant(account, "recovered", fmt::format("from {}", from));
    }
    const bool recovered = account.state != GrantState::good || attempt->slot->failures_in_row > 0;
    account.state = GrantState::good;
    account.reason.clear();
    attempt->slot->failures_in_row = 0;
    attempt->slot->not_before = {};
    publish(*attempt, visible);
    if (account.candidate_of) {
        const bool promoted = co_await promote(attempt);
        if (promoted) answer_operators(*attempt->slot, attempt->slot.get());
        // Something newer took its place between the two commits, or its account is gone.
        if (!promoted) give_back(attempt->client, account.name, successor);
        co_return;
    }
    if (recovered && own) notify(account, "recovered", {});
    if (own) notify(account, "new_token", {});
    answer_operators(*attempt->slot, attempt->slot.get());
}

void Broker::publish(Attempt& attempt, const storage::TokenRecord& token) {
    Account& account = *attempt.account;
    const std::uint64_t before = attempt.slot->generation;
    put_token(*attempt.slot, account.name, token, moment(), deps_.clock.boot_id());
    if (before != attempt.slot->generation) account.forget_rejected(before);
    attempt.slot->came_at = deps_.clock.now();
    account.stats.last_success = deps_.clock.wall();
    ++account.stats.renewals;
    if (const auto every = attempt.client->traits.validate_every)
        account.next_probe = deps_.clock.now() + *every;
}

void Broker::answer_operators(Slot& slot, const Result<const Slot*>& outcome) {
    std::vector<std::shared_ptr<Waiter>> operators;
    for (const auto& waiter : slot.waiters)
        if (waiter->first_outcome) operators.push_back(waiter);
    std::erase_if(slot.waiters, [](const auto& waiter) { return waiter->first_outcome; });
    for (const auto& waiter : operators)
        waiter->answer(deps_.clock, outcome);
}

void Broker::note_failure(Attempt& attempt, const Failed& failure) {
    Account& account = *attempt.account;
    Slot& slot = *attempt.slot;
    const WallTime wall = deps_.clock.wall();
    std::string reason = failure.reason.empty() ? failure.code : failure.reason;
    if (reason.rfind(account.name, 0) != 0) reason = account.name + ": " + reason;
    LastFailure last{failure.failure, failure.code, reason, wall};
    if (failure.scope == Failed::Scope::parameters) slot.refused = last;
    account.stats.last_failure = std::move(last);
    ++slot.failures_in_row;
    const BootTime now = deps_.clock.now();
    const Millis left = slot.remaining(now);
    const bool slow =
        failure.failure == FailureClass::config || failure.failure == FailureClass::never;
    Millis wait =
        backoff(slot.failures_in_row, deps_.random,
                left > Millis{0} && left != Millis::max() ? left : limits::backoff_first_ms * 4);
    if (slow && failure.scope == Failed::Scope::account) wait = limits::slow_probe_ms;
    slot.not_before = now + std::max(wait, failure.retry_after.value_or(Millis{0}));
    if (slow && failure.scope == Failed::Scope::account) {
        account.slot.not_before = slot.not_before;    // holds everybody back: see blocked()
        if (!slot.key.empty()) slot.not_before = {};  // but this user no longer than the others
    }
    deps_.log.warning("{}: renewal failed ({}, {}); {}", account.name, to_string(failure.failure),
                      failure.code, reason);
}

// A failure that used the grant up all the same: the successor is in force and is kept before
// anything else happens.
awaitable<bool> Broker::keep_successor(std::shared_ptr<Attempt> attempt,
                                       std::shared_ptr<Failed> failure) {
    Account& account = *attempt->account;
    std::shared_ptr<SecretSet> successor;
    if (attempt->client->traits.revokes)
        successor = std::make_shared<SecretSet>(failure->new_grant->copy());
    auto change = std::make_shared<storage::Change>(storage::Renewed{});
    auto& renewed = std::get<storage::Renewed>(*change);
    renewed.account = account.id;
    renewed.grant_version = attempt->grant_version;
    renewed.new_grant = std::move(failure->new_grant);
    const WallTime obtained = renewed.grant_obtained_at = deps_.clock.wall();
    renewed.grant_expires_at = account.grant_expires_at;
    renewed.token.generation =
        ++account.newest_generation;  // no token came with it: one that is dead at once
    renewed.token.access_token = Secret("-");
    renewed.token.boot_id = deps_.clock.boot_id();
    renewed.token.sent_wall = deps_.clock.wall();
    renewed.token.lifetime = Millis{0};
    const Result<storage::Committed> stored = co_await commit_until_durable(attempt, change);
    if (!stored) {
        give_back(attempt->client, account.name, successor);
        co_return false;
    }
    deps_.log.warning(
        "{}: the answer held a new refresh token but no usable access token: the new one is kept",
        account.name);
    account.grant_version = attempt->grant_version = stored->grant_version;
    account.grant_obtained_at = obtained;
    account.intent.reset();
    account.state = GrantState::good;
    attempt->sent_grant = attempt->ambiguous_before = false;
    co_return true;
}

namespace {
// Why a login is needed now. An intent that no other attempt ever raised came from a backup.
std::string refused_words(const Account& account, const Failed& failure, bool was_unknown) {
    const LastFailure& last = *account.stats.last_failure;
    const std::string end = clock_text(last.at) + "; run: " + new_grant_command(account);
    const int attempts = account.intent ? account.intent->attempts : 0;
    if (!was_unknown && attempts <= 1) return fmt::format("{} at {}", last.reason, end);
    const bool from_backup = account.intent && attempts <= 1;
    return fmt::format("{}: {} and the provider now refuses the grant ({}) at {}", account.name,
                       from_backup ? "the grant came from a backup, was used since that was made,"
                                   : "lost_rotation: an earlier answer was lost",
                       failure.code, end);
}
}  // namespace

awaitable<void> Broker::failed(std::shared_ptr<Attempt> attempt, std::shared_ptr<Failed> failure) {
    Account& account = *attempt->account;
    if (failure->new_grant) {
        const bool kept = co_await keep_successor(attempt, failure);
        if (!kept) co_return answer_operators(*attempt->slot, attempt->slot.get());
    }
    if (attempt->grant_version != account.grant_version) {
        deps_.log.notice("{}: a renewal with the grant before failed ({}): it doesn't matter now",
                         account.name, failure->code);
        answer_operators(*attempt->slot, attempt->slot.get());
        co_return;
    }
    if (attempt->purpose == providers::Purpose::probe && attempt->client->traits.validate_every)
        co_return validated(*attempt, failure.get());
    const bool was_unknown = attempt->ambiguous_before;
    if (failure->failure == FailureClass::reauth && failure->scope == Failed::Scope::account &&
        gate_.note_refusal(attempt->client->origin, deps_.clock.now())) {
        const std::string what = attempt->client->origin + " refused the grants of many accounts";
        deps_.log.critical("{} within a minute: it is paused and the grants are kept", what);
        audit_.grant(account, "origin_paused", what);
        failure->failure = FailureClass::retry;  // an incident there is no proof against this grant
    }
    note_failure(*attempt, *failure);
    if (is_refuted(*attempt, failure->failure)) co_return co_await refuted(attempt);
    const std::string reason = account.stats.last_failure->reason;
    const std::string at = clock_text(account.stats.last_failure->at);
    if (attempt->purpose == providers::Purpose::probe) {
        note_probe(*attempt, *failure, fmt::format("{} at {}", reason, at));
    } else if (failure->scope == Failed::Scope::parameters) {
        // one user's, one origin's: the account is as it was
    } else if (failure->failure == FailureClass::reauth) {
        const bool lost = was_unknown || (account.intent && account.intent->attempts > 1);
        const std::string why = refused_words(account, *failure, was_unknown);
        co_await set_state(attempt, GrantState::login_required, why, true, true);
        audit_.grant(account, lost ? "lost_rotation" : "login_required",
                     why + " (the refused grant is kept sealed for 30 days)");
        notify(account, "login_required", account.reason);
    } else if (failure->failure == FailureClass::config ||
               failure->failure == FailureClass::never) {
        co_await set_state(attempt, GrantState::misconfigured, fmt::format("{} at {}", reason, at),
                           !was_unknown, false);
        notify(account, "misconfigured", account.reason);
    } else if (failure->failure == FailureClass::ambiguous && attempt->sent_grant) {
        account.replay_at_once = !was_unknown;
        if (!was_unknown) attempt->slot->not_before = deps_.clock.now();
        co_await set_state(attempt, GrantState::outcome_unknown,
                           fmt::format("{} at {}; the same grant is sent again", reason, at), false,
                           false);
        if (!was_unknown) audit_.grant(account, "outcome_unknown", account.reason);
    } else if (attempt->sent_grant && !was_unknown && failure->code != "store") {
        const std::string none;  // surely not spent: the journal is closed
        co_await set_state(attempt, GrantState::good, none, true, false);
    }
    const Millis left = attempt->slot->remaining(deps_.clock.now());
    if (left < aim_of(attempt->slot->lifetime, Millis{1'000}) &&
        account.state != GrantState::login_required)
        notify(account, "expiring_unrenewed", reason);
    Error told = waiting_error(account, *attempt->slot);
    if (account.rejected_by_probe && attempt->purpose == providers::Purpose::probe)
        told = Error{errc::misconfigured, account.reason};
    told.failure = to_string(failure->failure);
    answer_operators(*attempt->slot, told);
}

}  // namespace tb::daemon
