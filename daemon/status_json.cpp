// See status_json.hpp.
#include "daemon/status_json.hpp"

#include <algorithm>

namespace tb::daemon {
namespace {

using boost::json::object;

void put_wall(object& out, const char* name, const std::optional<WallTime>& at) {
    if (at && to_ms(*at) != 0) out[name] = to_ms(*at);
}

void put_token(object& out, const Account& account, Moment at) {
    const Slot& slot = account.slot;
    out["generation"] = slot.generation;
    if (slot.lifetime) out["lifetime_ms"] = slot.lifetime->count();
    if (slot.hand_out.empty() || slot.expires_at == BootTime::max()) return;
    out["expires_at_ms"] = to_ms(at.wall + (slot.expires_at - at.now));
    out["remaining_ms"] = slot.remaining(at.now).count();
}

void put_renewal(object& out, const Account& account, const Broker& broker, Moment at) {
    if (const auto due = broker.due(account)) {
        out["next_renewal_in_ms"] = std::max<std::int64_t>(0, (due->at - at.now).count());
        out["next_renewal_why"] =
            due->why == ahead_of_expiry
                ? fmt::format("at {:.2f} of its life", account.slot.renew_fraction)
                : std::string(due->why);
    } else if (account.slot.in_flight) {
        out["next_renewal_in_ms"] = 0;
        out["next_renewal_why"] = "it is under way";
    } else if (account.slot.queued) {
        out["next_renewal_in_ms"] = 0;
        out["next_renewal_why"] = "it waits for its origin";
    }
    put_wall(out, "last_success_at_ms", account.stats.last_success);
    if (const auto& failure = account.stats.last_failure) {
        out["last_failure_at_ms"] = to_ms(failure->at);
        out["last_failure"] =
            fmt::format("{} ({}): {}", failure->code, to_string(failure->failure), failure->reason);
    }
    out["failures_in_row"] = account.slot.failures_in_row;
    const Admission admission = broker.admission(account);
    if (admission.kind == Admission::Kind::blocked) {
        out["blocked_for_ms"] = std::max<std::int64_t>(0, (admission.until - at.now).count());
        out["blocked_why"] = account.client->origin + ": " + std::string(admission.why);
    }
}

// A static token that is older than its client section wants: served all the same.
std::string reminder(const Account& account, Moment at) {
    if (!account.client || !account.client->traits.max_age) return {};
    if (at.wall - account.grant_obtained_at <= *account.client->traits.max_age) return {};
    return fmt::format(
        "{}: the token is older than max_age; make a new one and run: tokenbroker account add {} "
        "--replace",
        account.name, account.name);
}

}  // namespace

object account_status(const Account& account, const Broker& broker, Moment at) {
    object out;
    out["account"] = account.name;
    out["provider"] = account.provider;
    out["client"] = client_of(account.name);
    out["state"] = state_name(account, at.now);
    out["policy"] = providers::to_string(effective_policy(account));
    const auto error = broker.blocked(account);
    out["reason"] = error ? error->message : account.reason;
    if (!error && account.reason.empty()) out["reason"] = reminder(account, at);
    put_token(out, account, at);
    put_renewal(out, account, broker, at);
    put_wall(out, "grant_obtained_at_ms", account.grant_obtained_at);
    put_wall(out, "grant_expires_at_ms", account.grant_expires_at);
    if (account.intent && account.state == storage::GrantState::outcome_unknown)
        out["outcome_unknown_since_ms"] = to_ms(account.intent->at);
    if (const Account* candidate = broker.candidate_for(account);
        candidate != nullptr && !candidate->removed)
        out["replacement"] = candidate->reason.empty() ? "its provider has not answered yet"
                                                       : std::string_view(candidate->reason);
    out["hand_outs"] = account.stats.hand_outs;
    out["refusals"] = account.stats.refusals;
    out["renewals"] = account.stats.renewals;
    std::size_t waiters = account.slot.waiters.size();
    for (const auto& [key, slot] : account.on_demand_slots())
        waiters += slot->waiters.size();
    out["waiters"] = waiters;
    out["watchers"] = account.watches.size();
    object attributes;
    for (const auto& [name, value] : account.attributes)
        attributes[name] = value;
    out["attributes"] = std::move(attributes);
    return out;
}

}  // namespace tb::daemon
