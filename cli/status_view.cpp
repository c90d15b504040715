// Each account is one row; why it is not well, what holds it back and what to run stand below it.
#include "cli/status_view.hpp"

#include <fmt/format.h>

#include <utility>

#include "cli/json.hpp"
#include "cli/table.hpp"

namespace tb::cli {
namespace {

using boost::json::object;

std::string ago(std::int64_t at_ms, const View& view) {
    return format_duration((view.now_ms - at_ms) / 1'000 * 1'000) + " ago";
}

Colour colour_of(std::string_view state) {
    if (state == "fresh" || state == "static") return Colour::good;
    if (state == "idle" || state == "paused") return Colour::dim;
    if (state == "renewing" || state == "enrolling" || state == "expired") return Colour::warning;
    return Colour::bad;  // login_required, misconfigured, outcome_unknown
}

std::string time_left(const object& account) {
    const auto left = number(account, "remaining_ms");
    if (left) return *left > 0 ? format_duration(*left) : "expired";
    return text(account, "state") == "static" ? "no expiry" : "-";
}

std::string next_renewal(const object& account) {
    const auto in_ms = number(account, "next_renewal_in_ms");
    const std::string_view why = text(account, "next_renewal_why");
    if (!in_ms) return why.empty() ? "-" : std::string(why);
    const std::string when =
        *in_ms > 0 ? fmt::format("in {}", format_duration(*in_ms)) : std::string("now");
    return why.empty() ? when : fmt::format("{}: {}", when, why);
}

Cell last_outcome(const object& account, const View& view) {
    const auto failures = number(account, "failures_in_row").value_or(0);
    const auto failed_at = number(account, "last_failure_at_ms");
    if (failures > 0 && failed_at)
        return {fmt::format("failed {} ({} in a row)", ago(*failed_at, view), failures),
                Colour::warning};
    if (const auto at = number(account, "last_success_at_ms")) return {"ok " + ago(*at, view)};
    return {"-"};
}

Cell grant_deadline(const object& account, const View& view) {
    const auto at = number(account, "grant_expires_at_ms");
    if (!at) return {"-"};
    if (*at <= view.now_ms) return {"ended " + ago(*at, view), Colour::bad};
    return {format_duration(*at - view.now_ms) + " left"};
}

std::string use(const object& account) {
    return fmt::format("{} got, {} waiting, {} watching", number(account, "hand_outs").value_or(0),
                       number(account, "waiters").value_or(0),
                       number(account, "watchers").value_or(0));
}

std::string blocked(const object& account) {
    const auto for_ms = number(account, "blocked_for_ms");
    if (!for_ms) return {};
    return fmt::format("blocked for {}: {}", format_duration(*for_ms),
                       text(account, "blocked_why"));
}

std::string unknown_outcome(const object& account, const View& view) {
    const auto since = number(account, "outcome_unknown_since_ms");
    if (!since) return {};
    return fmt::format("outcome of a renewal unknown since {}", ago(*since, view));
}

std::string replacement(const object& account) {
    const std::string_view why = text(account, "replacement");
    return why.empty() ? std::string() : fmt::format("a new grant for it is being tried: {}", why);
}

// Everything that a row has no room for, most important first.
std::vector<Cell> notes(const object& account, const View& view) {
    std::vector<Cell> result;
    const auto add = [&](std::string line, Colour colour) {
        if (!line.empty()) result.push_back({printable(line), colour});
    };
    add(std::string(text(account, "reason")), colour_of(text(account, "state")));
    add(unknown_outcome(account, view), Colour::bad);
    add(blocked(account), Colour::warning);
    add(replacement(account), Colour::warning);
    if (number(account, "failures_in_row").value_or(0) > 0 &&
        text(account, "last_failure") != text(account, "reason"))
        add(std::string(text(account, "last_failure")), Colour::warning);
    return result;
}

std::string daemon_text(const object& daemon, const View& view) {
    std::string out = fmt::format(
        "tokenbrokerd {} (pid {}), up {}: {} accounts, {} renewals in flight, {} connections\n",
        text(daemon, "version"), number(daemon, "pid").value_or(0),
        format_duration(view.now_ms - number(daemon, "started_at_ms").value_or(view.now_ms)),
        number(daemon, "accounts").value_or(0), number(daemon, "exchanges_in_flight").value_or(0),
        number(daemon, "connections").value_or(0));
    if (const auto rekey = text(daemon, "rekey"); !rekey.empty())
        out += "the master key is being changed: " + printable(rekey) + "\n";
    if (const auto* alarms = list(daemon, "alarms")) {
        for (const auto& alarm : *alarms)
            if (alarm.is_string())
                out += coloured({"ALARM: " + printable(alarm.get_string()), Colour::bad},
                                view.colours) +
                       "\n";
    }
    return out;
}

}  // namespace

StatusPages::StatusPages(const View& view)
    : view_(view),
      table_({"ACCOUNT", "STATE", "LEFT", "GEN", "NEXT RENEWAL", "LAST RENEWAL", "GRANT", "USE"}) {}

void StatusPages::add(const object& account) {
    const std::string_view state = text(account, "state");
    table_.add({{printable(text(account, "account"))},
                {std::string(state), colour_of(state)},
                {time_left(account)},
                {fmt::to_string(number(account, "generation").value_or(0))},
                {printable(next_renewal(account))},
                last_outcome(account, view_),
                grant_deadline(account, view_),
                {use(account)}});
    for (Cell& note : notes(account, view_))
        table_.note(std::move(note.text), note.colour);
}

std::string StatusPages::page(const object& daemon, const boost::json::array& accounts) {
    std::string out;
    if (std::exchange(first_, false)) {
        out += daemon_text(daemon, view_);
        if (accounts.empty())
            return out + "No accounts yet; run: tokenbroker login CLIENT/NAME, or account add\n";
        out += "\n";
    }
    for (const auto& account : accounts)
        if (const auto* object = account.if_object()) add(*object);
    return out + table_.take(view_.colours);
}

std::string account_text(const object& account, const View& view) {
    const std::string_view state = text(account, "state");
    std::string out;
    const auto line = [&](std::string_view title, std::string_view value,
                          Colour colour = Colour::none) {
        if (value.empty()) return;
        out += fmt::format("{:<15}", title);
        out += coloured({printable(value), colour}, view.colours) + "\n";
    };
    line("account", text(account, "account"));
    line("provider", text(account, "provider"));
    line("state", state, colour_of(state));
    for (const Cell& note : notes(account, view))
        line("", note.text, note.colour);
    line("policy", text(account, "policy"));
    line("time left", time_left(account));
    if (const auto life = number(account, "lifetime_ms")) line("lifetime", format_duration(*life));
    line("generation", fmt::to_string(number(account, "generation").value_or(0)));
    line("next renewal", next_renewal(account));
    const Cell outcome = last_outcome(account, view);
    line("last renewal", outcome.text, outcome.colour);
    if (const auto at = number(account, "grant_obtained_at_ms")) line("grant from", ago(*at, view));
    const Cell grant = grant_deadline(account, view);
    line("grant", grant.text, grant.colour);
    line("use", use(account));
    line("refused", fmt::to_string(number(account, "refusals").value_or(0)));
    line("renewals", fmt::to_string(number(account, "renewals").value_or(0)));
    if (const auto* attributes = member(account, "attributes"))
        for (const auto& [name, value] : *attributes)
            if (value.is_string())
                line("attribute", fmt::format("{} = {}", std::string_view(name),
                                              std::string_view(value.get_string())));
    return out;
}

}  // namespace tb::cli
