// See watch.hpp. A frame holds a token, so it is built in one string that is wiped.
#include "daemon/watch.hpp"

#include <string.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

namespace tb::daemon {
namespace {
std::string quoted(std::string_view text) {
    return boost::json::serialize(boost::json::string(text));
}
}  // namespace

Watch::Watch(std::shared_ptr<ipc::Pending> pending, const Gatekeeper& gatekeeper, Clock& clock)
    : pending_(std::move(pending)), gatekeeper_(gatekeeper), clock_(clock) {}

void Watch::add(std::shared_ptr<Account> account) {
    const Account* key = account.get();
    if (entries_.contains(key)) return;
    account->watches.push_back(this);
    entries_.emplace(key, Entry{std::move(account), {}, {}, false, false});
}

void Watch::drop(Account& account) {
    std::erase(account.watches, this);
    std::erase(marked_, &account);
    entries_.erase(&account);
}

std::vector<std::shared_ptr<Account>> Watch::accounts() const {
    std::vector<std::shared_ptr<Account>> all;
    for (const auto& [key, entry] : entries_)
        all.push_back(entry.account);
    return all;
}

void Watch::end(Account& account, std::string_view reason) {
    const auto found = entries_.find(&account);
    if (found == entries_.end()) return;
    std::erase(account.watches, this);
    found->second.last = true;
    mark(account, "removed", reason);
}

// The right is gone: as if the account were.
void Watch::lose(Entry& entry) {
    std::erase(entry.account->watches, this);
    ++entry.account->stats.refusals;
    entry.last = true;
    entry.event = "removed";
    entry.reason = entry.account->name + ": no longer there";
}

void Watch::mark(Account& account, std::string_view event, std::string_view reason) {
    const auto found = entries_.find(&account);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    if (entry.last && event != "removed") return;
    entry.event = event;
    entry.reason = reason;
    if (!entry.marked) {
        entry.marked = true;
        marked_.push_back(&account);
    }
}

void Watch::flush() {
    if (pending_->gone() || waiting_for_room_) return;
    while (!marked_.empty()) {
        if (pending_->unsent_bytes() > 0) {
            waiting_for_room_ = true;
            auto again = [weak = weak_from_this()] {
                if (const auto self = weak.lock()) {
                    self->waiting_for_room_ = false;
                    self->flush();
                }
            };
            pending_->on_drained(std::move(again));
            return;
        }
        const Account* next = marked_.front();
        marked_.erase(marked_.begin());
        const auto found = entries_.find(next);
        if (found == entries_.end()) continue;
        found->second.marked = false;
        if (!found->second.last && !gatekeeper_.allows(caller(), *next)) lose(found->second);
        send(found->second);
        if (found->second.last) entries_.erase(found);
        if (pending_->gone()) return;
    }
}

void Watch::send(Entry& entry) {
    Account& account = *entry.account;
    std::string frame = "{\"parameters\":{\"account\":" + quoted(account.name) +
                        ",\"event\":" + quoted(entry.event);
    const Millis left = account.slot.remaining(clock_.now());
    const bool usable = left >= hand_out_min(account) && !account.removed && !account.withheld() &&
                        !account.rejected_by(caller().uid, account.slot.generation) &&
                        entry.event != "removed";
    if (usable) {
        frame += ",\"token\":";
        account.slot.hand_out.append_token(frame, left);
        ++account.stats.hand_outs;
    }
    if (!entry.reason.empty()) frame += ",\"reason\":" + quoted(entry.reason);
    frame += "},\"continues\":true}";
    frame.push_back('\0');
    pending_->stream(frame);
    explicit_bzero(frame.data(), frame.size());
}

}  // namespace tb::daemon
