// Giving grants back to their provider (RFC 7009): by an operator's word, and best effort for
// grants that nobody will use again: of a removed account, or a successor that a login superseded.
#include <utility>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {

using providers::Done;
using providers::Failed;

awaitable<Done> Broker::revocation(std::shared_ptr<const ClientRuntime> client, std::string name,
                                   std::shared_ptr<SecretSet> grant) {
    Failed failed;
    failed.failure = FailureClass::config;
    Result<SecretSet> secrets = co_await client_secrets(client);
    if (!secrets) {
        failed.code = "client_secret";
        failed.reason = secrets.error().message;
        co_return failed;
    }
    const storage::Attributes none;
    providers::Context context{.client = client->client->settings,
                               .account = name,
                               .attributes = none,
                               .grant = *grant,
                               .client_secrets = *secrets,
                               .parameters = {},
                               .purpose = providers::Purpose::revoke,
                               .clock = deps_.clock,
                               .random = deps_.random,
                               .prepared = client->prepared.get()};
    const auto exchange = client->client->provider->begin(std::move(context));
    providers::Step step = exchange->start();
    for (int i = 0; i < limits::exchange_steps_max; ++i) {
        if (auto* done = std::get_if<Done>(&step)) co_return std::move(*done);
        http::Request request = std::move(std::get<providers::Send>(step).request);
        request.timeout = std::min(request.timeout, limits::revocation_timeout_ms);
        request.ca_file = client->client->ca_file;
        request.proxy = client->client->proxy;
        http::Outcome outcome = co_await deps_.https.exchange(std::move(request));
        step = exchange->resume(std::move(outcome));
    }
    if (auto* done = std::get_if<Done>(&step)) co_return std::move(*done);
    failed.code = "too_many_steps";
    failed.reason = "the revocation did not come to an end";
    co_return failed;
}

void Broker::give_back(std::shared_ptr<const ClientRuntime> client, std::string name,
                       std::shared_ptr<SecretSet> grant) {
    if (!client || !client->traits.revokes || !grant || grant->list().empty()) return;
    if (stopping_ || revocations_ >= limits::revocations_max) {
        deps_.log.warning("{}: a grant that is not needed any more was not given back: {}", name,
                          stopping_ ? "the daemon stops" : "too many at once");
        return;
    }
    ++revocations_;
    spawn(deps_.brain, "give-back",
          give_back_now(std::move(client), std::move(name), std::move(grant)));
}

awaitable<void> Broker::give_back_now(std::shared_ptr<const ClientRuntime> client, std::string name,
                                      std::shared_ptr<SecretSet> grant) {
    const Done done = co_await revocation(std::move(client), name, std::move(grant));
    --revocations_;
    if (const auto* failed = std::get_if<Failed>(&done))
        deps_.log.warning(
            "{}: a grant that is not needed any more could not be revoked ({}): {}; end it in the "
            "provider's console",
            name, failed->code, failed->reason);
    else
        deps_.log.notice("{}: a grant that is not needed any more was revoked", name);
    audit_.grant(name, std::holds_alternative<Failed>(done) ? "not_given_back" : "given_back",
                 "a grant that is not needed any more", 0);
    idle_.notify_all();
}

// The account's slot counts as in flight meanwhile: a grant is never in two exchanges.
awaitable<Result<void>> Broker::revoke(std::shared_ptr<Account> account) {
    while (account->slot.in_flight)
        co_await idle_.wait();
    const std::shared_ptr<const ClientRuntime> client = account->client;
    if (!client || !client->traits.revokes)
        co_return Error{errc::config,
                        fmt::format("{0}: its provider has no way to give a grant back that its "
                                    "client section names; end it in the provider's console, then "
                                    "run: tokenbroker account remove {0}",
                                    account->name)};
    if (account->removed || stopping_) co_return Error{errc::unknown_account, account->name};
    account->slot.in_flight = true;
    account->slot.queued = false;  // it would start a renewal; the queue skips it now
    gate_.start(client->origin, deps_.clock.now());
    Result<void> result = co_await revoke_held(account, client);
    account->slot.in_flight = false;
    gate_.finish(client->origin, deps_.clock.now(), OriginResult::neutral, Millis{0}, deps_.random);
    settle_waiters(*account, account->slot);
    reschedule(account);
    pump_all();
    idle_.notify_all();
    co_return result;
}

awaitable<Result<void>> Broker::revoke_held(std::shared_ptr<Account> account,
                                            std::shared_ptr<const ClientRuntime> client) {
    Result<SecretSet> opened = co_await deps_.store.open(account->id);
    if (!opened) co_return opened.error();
    auto grant = std::make_shared<SecretSet>(std::move(*opened));
    // A login or a proved replacement may come while the provider is asked: that one stays.
    const std::uint64_t grant_version = account->grant_version;
    if (grant->list().empty())
        co_return Error{errc::config, account->name + ": it has no grant to give back"};
    const Done done = co_await revocation(client, account->name, grant);
    if (const auto* failed = std::get_if<Failed>(&done)) {
        Error error{errc::provider_unavailable,
                    fmt::format("{}: not revoked: {}; nothing was changed", account->name,
                                failed->reason.empty() ? failed->code : failed->reason)};
        error.failure = to_string(failed->failure);
        co_return error;
    }
    // The dead grant goes, and the token in hand with it: it may be refused from now on.
    const std::string reason = fmt::format("{}: its grant was revoked by an operator; run: {}",
                                           account->name, new_grant_command(*account));
    auto change = std::make_shared<storage::Change>(
        storage::SetState{.account = account->id,
                          .grant_version = grant_version,
                          .state = storage::GrantState::login_required,
                          .reason = reason,
                          .clear_intent = true,
                          .drop_grant = true});
    const Result<storage::Committed> stored = co_await deps_.store.commit(change);
    if (account->grant_version != grant_version || account->removed ||
        (!stored && !is_of_store(stored.error())))
        co_return Error{errc::config,
                        fmt::format("{}: the grant that it had was given back, but a newer one "
                                    "took its place meanwhile, and stays",
                                    account->name)};
    account->slot.hand_out = HandOut();
    account->slot.expires_at = {};
    account->slot.lifetime.reset();
    account->intent.reset();
    account->grant_expires_at.reset();
    account->state = storage::GrantState::login_required;
    account->reason = reason;
    if (stored) {
        account->grant_version = stored->grant_version;
    } else {
        deps_.log.error(
            "{}: its grant was revoked, but that could not be stored: {}; it is tried again",
            account->name, stored.error().message);
        store_later(account, change);
    }
    deps_.log.notice("{}: its grant was revoked by an operator", account->name);
    notify(*account, "login_required", reason);
    co_return Result<void>();
}

}  // namespace tb::daemon
