// What a simulated caller makes of what it gets: each frame is judged as it comes.
#include <charconv>

#include "proto/message.hpp"
#include "tests/simulation/sim_caller.hpp"

namespace tb::sim {
namespace {

// Where the token and its generation stand in a reply or event: our own format, so a search is
// enough, and one frame in sixteen is parsed in full.
std::string_view text_after(std::string_view frame, std::string_view key) {
    const std::size_t at = frame.find(key);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = frame.substr(at + key.size());
    return rest.substr(0, rest.find('"'));
}

std::uint64_t number_after(std::string_view frame, std::string_view key) {
    const std::size_t at = frame.find(key);
    std::uint64_t n = 0;
    if (at != std::string_view::npos)
        std::from_chars(frame.data() + at + key.size(), frame.data() + frame.size(), n);
    return n;
}

constexpr std::string_view token_key = "\"token\":\"";
constexpr std::string_view generation_key = "\"generation\":";

}  // namespace

void SimCaller::frame(std::string_view text) {
    if (world_.options.canary == Canary::deaf && waiting_) return;
    std::string garbled;
    if (world_.options.canary == Canary::garbled && world_.random.chance(0.01)) {
        garbled = std::string(text.substr(0, text.size() / 2));
        text = garbled;
    }
    const bool error = text.starts_with("{\"error\"") ||
                       text.find("\"error\":\"io.") != std::string_view::npos ||
                       text.find("\"error\":\"org.") != std::string_view::npos;
    const bool whole = error || (world_.random.u64() & 15) == 0 || !text.ends_with('}');
    if (whole) {
        const auto reply = proto::parse_reply(text);
        if (!reply)
            return world_.checker.violated(Rule::protocol, "a reply doesn't parse: {}",
                                           reply.error().message);
        if (!reply->error.empty()) return refused(reply->error);
    }
    if (waiting_) return answered(text);
    if (watching_) return event(text);
    world_.checker.violated(Rule::protocol, "uid {} got a frame that it never asked for", uid_);
}

void SimCaller::refused(std::string_view error) {
    const bool permitted_now = watching_ ? permitted_when_asked_ : permitted(asked_);
    if (permitted_now == permitted_when_asked_ && !rules_are_new() && !watching_) {
        const bool exists = world_.app != nullptr && world_.app->accounts().find(asked_.substr(
                                                         0, asked_.find('?'))) != nullptr;
        const bool known = exists || error != "io.tokenbroker.tokens.UnknownAccount";
        check_access(world_.checker, uid_, asked_, permitted_now && known, false, error);
    }
    // Reports of rejected tokens have a budget; of all else no simulated caller holds much.
    if (!reporting_) check_nobody_else(world_.checker, uid_, error);
    ++world_.checker.counts.refused;
    if (watching_) return disconnect();
    waiting_ = reporting_ = false;
    ++turn_;
}

void SimCaller::event(std::string_view text) {
    ++world_.checker.counts.watch_events;
    if (world_.options.canary == Canary::missed_event && world_.random.chance(0.2)) return;
    const std::string_view account = text_after(text, "\"account\":\"");
    if (text_after(text, "\"event\":\"") == "removed") {  // the last word about this account
        watched_.erase(std::string(account));
        return;
    }
    // Who reads late may read what was sent before its right was taken.
    if (!rules_are_new() && !read_late_)
        check_access(world_.checker, uid_, account, permitted(account), true, {});
    const std::string_view token = text_after(text, token_key);
    std::uint64_t& generation = watched_[std::string(account)];
    if (token.empty()) return;
    generation = number_after(text, generation_key);
    judge(account, text, Millis{0});
}

std::optional<std::pair<storage::AccountId, std::uint64_t>> SimCaller::paused(
    std::string_view account) const {
    if (world_.app == nullptr) return {};
    const daemon::Account* known =
        world_.app->accounts().find(account.substr(0, account.find('?')));
    if (known == nullptr || !known->paused) return {};
    return std::pair(known->id, world_.resumptions);
}

void SimCaller::answered(std::string_view text) {
    waiting_ = false;
    ++turn_;
    if (std::exchange(reporting_, false)) return;
    if (permitted(asked_) == permitted_when_asked_ && !rules_are_new())
        check_access(world_.checker, uid_, asked_, permitted_when_asked_, true, {});
    if (paused_when_asked_ && paused(asked_) == paused_when_asked_)
        check_paused(world_.checker, uid_, asked_);
    if (world_.options.canary == Canary::old_answer) {
        const std::string fresh(text);
        const std::string_view old = text_after(last_answer_, token_key);
        const Issuer::Named named = world_.issuer.named(old);
        if (text_after(last_answer_, "\"account\":\"") == asked_ && named.family != nullptr &&
            world_.issuer.alive(*named.family, named.number)) {
            judge(asked_, std::exchange(last_answer_, {}), Millis{0});
            return;
        }
        if (last_answer_.empty() || old.empty() || named.family == nullptr ||
            !world_.issuer.alive(*named.family, named.number))
            last_answer_ = fresh;
    }
    // What a section promises goes with it: a token in hand is then served to its last second.
    const std::size_t user = asked_.find('?');
    const daemon::Account* known =
        world_.app == nullptr ? nullptr : world_.app->accounts().find(asked_.substr(0, user));
    const bool of_section = user != std::string::npos;
    const bool holds = !of_section || (known != nullptr && known->client);
    judge(asked_, text, holds ? promised_ : Millis{0});
}

void SimCaller::judge(std::string_view account, std::string_view text, Millis promised) {
    ++world_.checker.counts.handed_out;
    Seen seen;
    seen.account = account;
    seen.token = text_after(text, token_key);
    seen.generation = number_after(text, generation_key);
    seen.promised = promised;
    seen.stored = account.find('?') == std::string_view::npos;
    const Issuer::Named token = world_.issuer.named(seen.token);
    world_.checker.happened(4, (std::uint64_t{uid_} << 40) ^ seen.generation);
    check_foreign_token(world_.issuer, seen, token);
    if (!read_late_) {
        check_expired_token(world_.issuer, seen, token);
        check_promise(world_.issuer, seen, token);
    }
    check_not_durable(world_.checker, world_.disk, seen);
    auto found = newest_.find(account);
    if (found == newest_.end()) found = newest_.emplace(std::string(account), Known{}).first;
    if (!seen.stored) return;
    // An account that was removed and added again begins anew.
    const auto id = world_.disk.ids.find(account);
    if (id != world_.disk.ids.end() && id->second != found->second.id)
        found->second = Known{id->second, 0};
    check_generation(world_.checker, seen, found->second.generation);
}

}  // namespace tb::sim
