// See diagnose.hpp, and judge_probe of finding.hpp.
#include "daemon/diagnose.hpp"

#include <fmt/core.h>

#include <cstdlib>

#include "base/limits.hpp"
#include "providers/dates.hpp"

namespace tb::daemon {
namespace {

using Level = Finding::Level;
using storage::GrantState;

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t certificate_soon_ms = 14 * day_ms;  // time to have a new one made
constexpr std::int64_t clock_off_ms = 60'000;  // an assertion's usual leeway (RFC 7523 makes none)

void judge_certificate(Findings& all, const ProbeFact& fact, WallTime ends) {
    const std::int64_t left = (ends - fact.at).count();
    if (left >= certificate_soon_ms) return;
    all.push_back({"tls", Level::problem,
                   fmt::format("{}: its certificate ends in {} day(s)", fact.origin,
                               std::max<std::int64_t>(left / day_ms, 0)),
                   "then nothing of it can be renewed", "tell who runs it"});
}

void judge_date(Findings& all, const ProbeFact& fact, const http::Reply& reply) {
    const std::string* date = reply.header("date");
    const auto theirs = date == nullptr ? std::nullopt : providers::parse_http_date(*date, fact.at);
    if (!theirs) return;
    const std::int64_t off = (fact.at - *theirs).count();
    if (std::abs(off) < clock_off_ms) return;
    all.push_back({"clock", Level::problem,
                   fmt::format("this host's clock is {} s {} that of {}", std::abs(off) / 1000,
                               off > 0 ? "ahead of" : "behind", fact.origin),
                   "signed requests and certificates are refused, and times that are shown are "
                   "wrong",
                   "timedatectl set-ntp true"});
}

}  // namespace

Findings judge_probe(const ProbeFact& fact) {
    Findings all;
    if (const auto* failure = std::get_if<http::Failure>(&fact.outcome)) {
        const bool reached = failure->code == "too_large" || failure->code == "bad_reply";
        if (reached)
            all.push_back({"tls", Level::ok, fact.origin + ": the handshake is good", {}, {}});
        else
            all.push_back(
                {"tls", Level::problem,
                 fmt::format("{}: {} ({})", fact.origin, failure->reason, failure->code),
                 fmt::format("nothing of client {} can be renewed like this", fact.client),
                 failure->code == "tls_verify"
                     ? "look at base_url and ca_file of its section, or its certificate"
                     : "look at the network, the proxy and the name service"});
        return all;
    }
    const auto& reply = std::get<http::Reply>(fact.outcome);
    if (reply.certificate_ends) judge_certificate(all, fact, *reply.certificate_ends);
    judge_date(all, fact, reply);
    if (all.empty())
        all.push_back({"tls", Level::ok, fact.origin + ": the handshake is good", {}, {}});
    return all;
}

Findings judge_alarms(const Broker& broker) {
    Findings all;
    for (const std::string& alarm : broker.alarms())
        all.push_back(
            {"alarm", Level::problem, alarm, "the daemon raised it itself", "tokenbroker status"});
    return all;
}

namespace {

Finding needs_somebody(const Account& account, const Broker& broker) {
    if (account.state == GrantState::good && account.client && account.rejected_by_probe)
        return {"accounts", Level::problem, account.reason,
                account.withheld() ? "its token is not handed out, and no other comes by itself"
                                   : "whoever is handed its token meets the same refusal",
                new_grant_command(account)};
    const bool dead = account.state == GrantState::login_required;
    const auto error = broker.blocked(account);
    return {"accounts", account.state == GrantState::outcome_unknown ? Level::note : Level::problem,
            error ? error->message : account.reason, "no new token of it can be had",
            dead ? new_grant_command(account) : "tokenbroker account show " + account.name};
}

}  // namespace

Findings judge_some_accounts(AccountsWalk& walk, const AccountTable& table, const Broker& broker,
                             Turn turn) {
    Findings all;
    walk.ended = !table.some_after(walk.after, turn, [&](Account& account) {
        const bool well = account.state != GrantState::login_required &&
                          account.state != GrantState::misconfigured &&
                          account.state != GrantState::outcome_unknown && account.client &&
                          !account.rejected_by_probe;
        if (!well && ++walk.found <= limits::findings_max)
            all.push_back(needs_somebody(account, broker));
        return true;
    });
    if (!walk.ended) return all;
    if (walk.found > limits::findings_max)
        all.push_back({"accounts", Level::problem,
                       fmt::format("and {} more accounts", walk.found - limits::findings_max),
                       "no new token of them can be had", "tokenbroker status"});
    if (walk.found == 0)
        all.push_back({"accounts",
                       Level::ok,
                       fmt::format("{} account(s), none needs anybody", table.size()),
                       {},
                       {}});
    return all;
}

namespace {

// In order of names, only those that begin as the pattern does. nullopt: the turn is over before it
// is known.
std::optional<bool> fits_some(const std::string& glob, RulesWalk& walk, const AccountTable& table,
                              Turn& turn) {
    const std::size_t wild = glob.find_first_of("*?");
    const std::string begin = glob.substr(0, wild);
    if (!walk.walking) {
        if (table.find(glob) != nullptr) return true;
        if (wild == std::string::npos) return false;
        walk.walking = true;
        walk.after = begin.empty() ? "" : begin.substr(0, begin.size() - 1);
    }
    bool fits = false;
    bool past = false;
    const bool more = table.some_after(walk.after, turn, [&](Account& account) {
        fits = glob_match(glob, account.name);
        past = account.name > begin && !account.name.starts_with(begin);
        return !fits && !past;
    });
    if (more && !fits && !past) return {};
    walk.walking = false;
    return fits;
}

}  // namespace

Findings judge_some_rules(RulesWalk& walk, const AccountTable& table, Turn turn) {
    Findings all;
    const std::vector<AccessRule>& rules = walk.config->access;
    while (walk.rule < rules.size() && walk.found < limits::findings_max) {
        const AccessRule& rule = rules[walk.rule];
        if (walk.pattern == rule.accounts.size()) {
            ++walk.rule;
            walk.pattern = 0;
            continue;
        }
        if (!walk.walking && !turn.more()) return all;
        const std::string& glob = rule.accounts[walk.pattern];
        const std::optional<bool> fits = fits_some(glob, walk, table, turn);
        if (!fits) return all;
        ++walk.pattern;
        if (*fits) continue;
        ++walk.found;
        all.push_back(
            {"rules", Level::problem, fmt::format("{}: \"{}\" fits no account", rule.place, glob),
             "whoever it lets in gets nothing by it; is the name mistyped?", "tokenbroker status"});
    }
    walk.ended = true;
    if (walk.found == 0 && !rules.empty())
        all.push_back({"rules",
                       Level::ok,
                       fmt::format("every one of {} access rule(s) is for an account that is there",
                                   rules.size()),
                       {},
                       {}});
    return all;
}

}  // namespace tb::daemon
