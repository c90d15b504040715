// What watchers are told: of one account's many watches the first ones at once, the others in the
// next turns; of a token that nears its end with no newer one, once.
#include <boost/asio/post.hpp>

#include "daemon/broker.hpp"
#include "daemon/watch.hpp"

namespace tb::daemon {

void Broker::notify(Account& account, std::string_view event, std::string_view reason) {
    for (Watch* watch : account.watches) {
        watch->mark(account, event, reason);
        if (watch->queue()) untold_.push_back(watch->weak_from_this());
    }
    tell();
}

void Broker::tell() {
    if (telling_ || !tell_some()) return;
    telling_ = true;
    spawn(deps_.brain, "tell", tell_others());
}

// True: there are more. A watch that ended meanwhile is skipped.
bool Broker::tell_some() {
    Turn turn(deps_.clock);
    while (!untold_.empty()) {
        if (!turn.more()) return true;
        const std::shared_ptr<Watch> watch = untold_.front().lock();
        untold_.pop_front();
        if (!watch) continue;
        watch->dequeued();
        watch->flush();
    }
    return false;
}

awaitable<void> Broker::tell_others() {
    do
        co_await asio::post(deps_.brain, asio::use_awaitable);
    while (tell_some());
    telling_ = false;
}

void Broker::tell_of_expiry(Account& account) {
    account.told_expiring = account.number_to_tell();
    notify(account, "expiring_unrenewed", why_no_newer(account));
}

std::pair<std::string_view, std::string> Broker::event_of(const Account& account, uid_t uid) const {
    if (account.paused) return {"paused", account.name + ": is paused"};
    const bool usable = account.slot.remaining(deps_.clock.now()) >= hand_out_min(account) &&
                        !account.rejected_by(uid, account.slot.generation);
    if (usable && !account.withheld()) return {"new_token", {}};
    if (const auto error = blocked(account)) {
        const bool login = error->code == errc::login_required;
        return {login ? "login_required" : "misconfigured", error->message};
    }
    return {"expiring_unrenewed", why_no_newer(account)};
}

std::string Broker::why_no_newer(const Account& account) const {
    if (const auto error = blocked(account)) return error->message;
    const Slot& slot = account.slot;
    if (effective_policy(account) == providers::Policy::on_demand && !slot.renewing())
        return account.name + ": its tokens are got when somebody asks for one (GetToken)";
    const bool held_up =
        gate_.check(account.client->origin, deps_.clock.now()).kind == Admission::Kind::blocked;
    if (slot.failures_in_row > 0 || held_up) return waiting_error(account, slot).message;
    return account.name + ": it is being renewed";
}

}  // namespace tb::daemon
