// See tokens_service.hpp.
#include "daemon/tokens_service.hpp"

#include <string.h>

#include <algorithm>

#include "base/limits.hpp"
#include "daemon/arguments.hpp"
#include "daemon/errors.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {
namespace {

void served(Account& account, Slot& slot, BootTime now) {
    slot.last_read = now;
    ++account.stats.hand_outs;
}

// What the parsed call would refuse is refused whether a token is at hand or not.
bool within(const std::optional<std::int64_t>& wish_ms, Millis most) {
    return !wish_ms || (*wish_ms >= 0 && *wish_ms <= most.count());
}

Error no_such_account(std::string_view name) {
    return Error{errc::unknown_account, std::string(name)};
}

}  // namespace

TokensService::TokensService(const Deps& deps, AccountTable& table, Broker& broker,
                             Gatekeeper& gatekeeper)
    : deps_(deps), table_(table), broker_(broker), gatekeeper_(gatekeeper) {}

bool TokensService::fast_call(ipc::Connection& connection, std::string_view frame) {
    const auto asked = proto::scan_get_token(frame);
    if (!asked) return false;
    Account* account = table_.find(asked->account);
    if (account == nullptr) return false;
    account->slot.hand_out.fetch_ahead();
    if (account->withheld() || !account->rejected.empty()) return false;
    if (!gatekeeper_.allows(connection.caller(), *account)) return false;
    if (!within(asked->min_remaining_ms, limits::lifetime_max_ms) ||
        !within(asked->timeout_ms, limits::reader_timeout_max_ms))
        return false;
    Slot& slot = account->slot;
    ReadFacts facts;
    const BootTime now = deps_.clock.now();
    facts.remaining = slot.remaining(now);
    facts.lifetime = slot.lifetime;
    if (account->client) facts.hand_out_min = account->client->traits.hand_out_min;
    if (asked->min_remaining_ms) facts.min_remaining = Millis{*asked->min_remaining_ms};
    if (slot.hand_out.empty() || judge_read(facts) != ReadVerdict::serve) return false;
    slot.hand_out.append_reply(connection.out(), facts.remaining);
    served(*account, slot, now);
    gatekeeper_.handed_out(connection.caller(), *account, slot.generation, now);
    return true;
}

void TokensService::call(ipc::Connection& connection, const proto::Call& call) {
    const std::string_view method = call.method_name();
    if (method == "GetToken") return get_token(connection, call);
    if (method == "WatchTokens") return watch_tokens(connection, call);
    if (method == "ReportRejected") return report_rejected(connection, call);
    if (method == "ListAccounts") return list_accounts(connection, call);
    connection.out() += ipc::method_not_found(call);
}

std::shared_ptr<Account> TokensService::permitted(const ipc::Caller& caller, std::string_view name,
                                                  std::string_view method) {
    auto account = table_.share(name);
    if (account && gatekeeper_.allows(caller, *account)) return account;
    gatekeeper_.refused(caller, name, account.get(), *table_.config(), method);
    return nullptr;
}

bool TokensService::permitted_still(const ipc::Caller& caller, Account& account) {
    if (gatekeeper_.allows(caller, account)) return true;
    gatekeeper_.refused(caller, account.name, &account, *table_.config(), "GetToken");
    return false;
}

void TokensService::get_token(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const std::string name = arguments.text("account", limits::account_name_bytes_max);
    const auto min_remaining =
        arguments.integer("min_remaining_ms", 0, limits::lifetime_max_ms.count());
    const auto timeout = arguments.integer("timeout_ms", 0, limits::reader_timeout_max_ms.count());
    providers::Parameters parameters;
    auto given = arguments.map("parameters", limits::parameters_max, limits::parameter_bytes_max);
    parameters.assign(given.begin(), given.end());
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    const auto account = permitted(connection.caller(), name, call.method_name());
    if (!account) {
        connection.out() += tokens_error(name, no_such_account(name));
        return;
    }
    if (!parameters.empty() || account->client) {
        const auto checked = account->client ? account->client->client->provider->check_parameters(
                                                   account->client->client->settings,
                                                   account->attributes, parameters)
                                             : Result<void>();
        if (!checked) {
            connection.out() += tokens_error(name, checked.error());
            return;
        }
    }
    const auto slot = broker_.slot_for(account, std::move(parameters));
    if (!slot) {
        connection.out() += tokens_error(name, Error{errc::too_many_requests, name});
        return;
    }
    std::optional<Millis> need;
    if (min_remaining) need = Millis{*min_remaining};
    wait_for_token(connection, account, slot, need,
                   timeout ? Millis{*timeout} : limits::reader_timeout_default_ms);
}

void TokensService::wait_for_token(ipc::Connection& connection,
                                   const std::shared_ptr<Account>& account,
                                   const std::shared_ptr<Slot>& slot,
                                   std::optional<Millis> min_remaining, Millis timeout) {
    const uid_t uid = connection.caller().uid;
    const ReadFacts facts = broker_.facts(*account, *slot, min_remaining, uid);
    const ReadVerdict verdict = judge_read(facts);
    if (verdict == ReadVerdict::serve && !account->withheld()) {
        slot->hand_out.append_reply(connection.out(), facts.remaining);
        const BootTime now = deps_.clock.now();
        served(*account, *slot, now);
        return gatekeeper_.handed_out(connection.caller(), *account, slot->generation, now);
    }
    if (!deps_.ipc_limits->add_waiter(uid)) {
        connection.out() +=
            tokens_error(account->name, Error{errc::too_many_requests, account->name});
        return;
    }
    slot->last_read = deps_.clock.now();
    const auto pending = connection.defer();
    auto done = [this, pending, account, slot, uid](const Result<const Slot*>& outcome) {
        deps_.ipc_limits->remove_waiter(uid);
        if (pending->gone()) return;
        // Judged again: it waited for minutes perhaps, and a reload or an exec took the right away.
        if (!permitted_still(pending->caller(), *account))
            return pending->finish(tokens_error(account->name, no_such_account(account->name)));
        if (!outcome) return pending->finish(tokens_error(account->name, outcome.error()));
        const BootTime now = deps_.clock.now();
        std::string frame;
        slot->hand_out.append_reply(frame, slot->remaining(now));
        served(*account, *slot, now);
        gatekeeper_.handed_out(pending->caller(), *account, slot->generation, now);
        pending->finish(frame);
        explicit_bzero(frame.data(), frame.size());
    };
    const auto waiter = broker_.wait(account, slot, min_remaining, uid, timeout, std::move(done));
    if (!waiter->done) return;
    pending->on_gone([this, slot, waiter, uid] {
        if (!waiter->done) return;
        broker_.abandon(*slot, waiter);
        deps_.ipc_limits->remove_waiter(uid);
    });
}

void TokensService::report_rejected(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    const std::string name = arguments.text("account", limits::account_name_bytes_max);
    const auto generation = arguments.integer("generation", 0, INT64_MAX);
    auto given = arguments.map("parameters", limits::parameters_max, limits::parameter_bytes_max);
    std::string wrong = arguments.wrong();
    if (wrong.empty() && !generation) wrong = "generation";
    if (!wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    const auto account = permitted(connection.caller(), name, call.method_name());
    if (!account) {
        connection.out() += tokens_error(name, no_such_account(name));
        return;
    }
    providers::Parameters parameters;
    parameters.assign(given.begin(), given.end());
    // Checked as for GetToken: what could never be handed out gets no slot either.
    const auto checked =
        account->client ? account->client->client->provider->check_parameters(
                              account->client->client->settings, account->attributes, parameters)
                        : Result<void>();
    if (!checked) {
        connection.out() += tokens_error(name, checked.error());
        return;
    }
    const auto slot = broker_.slot_for(account, std::move(parameters));
    Result<bool> started = false;
    if (slot)
        started = broker_.report_rejected(account, slot, connection.caller().uid,
                                          static_cast<std::uint64_t>(*generation));
    if (!started) {
        connection.out() += tokens_error(name, started.error());
        return;
    }
    connection.out() += proto::make_reply({{"renewal_started", *started}});
}

}  // namespace tb::daemon
