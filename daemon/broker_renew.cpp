// One renewal: open the grant, journal the intent, exchange, store, publish. The coroutine owns an
// Attempt; it is never cancelled. Order that must hold: intent durable -> grant sent -> successor
// durable -> token visible.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "daemon/broker.hpp"

namespace tb::daemon {

using providers::Done;
using providers::Failed;
using providers::Minted;
using providers::Send;
using providers::Step;

namespace {

Done storage_failure(const Error& error) {
    Failed failed;
    failed.failure = FailureClass::retry;
    failed.code = "store";
    failed.reason = error.message;
    failed.counts_for_origin = false;
    return failed;
}

}  // namespace

bool Broker::is_of_store(const Error& error) {
    return error.code == errc::storage || error.code == errc::too_many_requests ||
           error.code == errc::damaged;
}

awaitable<void> Broker::renew(std::shared_ptr<Attempt> attempt) {
    Done done = co_await perform(attempt);
    co_await pieces_.turn();
    OriginResult result = OriginResult::answered;
    Millis retry_after{0};
    if (auto* token = std::get_if<Minted>(&done)) {
        auto shared = std::make_shared<Minted>(std::move(*token));
        co_await minted(attempt, std::move(shared));
    } else if (auto* failure = std::get_if<Failed>(&done)) {
        const bool temporary =
            failure->failure == FailureClass::retry || failure->failure == FailureClass::ambiguous;
        if (temporary)
            result = failure->counts_for_origin ? OriginResult::failed : OriginResult::neutral;
        // A wait for one account's sake is that account's: note_failure().
        if (failure->counts_for_origin) retry_after = failure->retry_after.value_or(Millis{0});
        auto shared = std::make_shared<Failed>(std::move(*failure));
        co_await failed(attempt, std::move(shared));
    } else {
        probed(*attempt);
    }
    attempt->slot->in_flight = false;
    const bool refused = attempt->purpose == providers::Purpose::probe && attempt->slot->reported;
    gate_.finish(attempt->client->origin, deps_.clock.now(), result, retry_after, deps_.random);
    settle_waiters(*attempt->account, *attempt->slot);
    reschedule(attempt->account);
    if (refused) request(attempt->account, attempt->slot, false);
    pump(attempt->client->origin);
    pump_all();
    idle_.notify_all();
}

awaitable<Done> Broker::perform(std::shared_ptr<Attempt> attempt) {
    co_await pieces_.turn();
    Result<SecretSet> grant = co_await deps_.store.open(attempt->account->id);
    if (!grant) co_return storage_failure(grant.error());
    Result<SecretSet> secrets = co_await client_secrets(attempt->client);
    if (!secrets && is_of_store(secrets.error())) co_return storage_failure(secrets.error());
    if (!secrets) {
        Failed missing;
        missing.failure = FailureClass::config;
        missing.code = "client_secret";
        missing.reason = secrets.error().message;
        missing.counts_for_origin = false;
        co_return missing;
    }
    co_await pieces_.turn();
    Secret in_hand;
    if (attempt->purpose == providers::Purpose::probe) in_hand = attempt->slot->hand_out.token();
    providers::Context context{.client = attempt->client->client->settings,
                               .account = attempt->account->name,
                               .attributes = attempt->account->attributes,
                               .grant = *grant,
                               .client_secrets = *secrets,
                               .parameters = attempt->slot->parameters,
                               .outcome_unknown = attempt->ambiguous_before,
                               .purpose = attempt->purpose,
                               .clock = deps_.clock,
                               .random = deps_.random,
                               .access_token = in_hand.empty() ? nullptr : &in_hand,
                               .prepared = attempt->client->prepared.get()};
    const auto exchange = attempt->client->client->provider->begin(std::move(context));
    Step step = exchange->start();
    for (int i = 0; i < limits::exchange_steps_max; ++i) {
        if (auto* done = std::get_if<Done>(&step)) co_return std::move(*done);
        http::Request request = std::move(std::get<Send>(step).request);
        if (request.spends_grant && !attempt->sent_grant) {
            const Result<int> attempts = co_await intend(attempt);
            if (!attempts) co_return storage_failure(attempts.error());
        }
        // An exchange that takes longer than a token lives is worth nothing; never so short that it
        // can't succeed.
        if (const auto lifetime = attempt->slot->lifetime)
            request.timeout =
                std::min(request.timeout, std::max(*lifetime, limits::exchange_timeout_min_ms));
        request.ca_file = attempt->client->client->ca_file;
        request.proxy = attempt->client->client->proxy;
        co_await pieces_.turn();
        http::Outcome outcome = co_await deps_.https.exchange(std::move(request));
        step = exchange->resume(std::move(outcome));
    }
    if (auto* done = std::get_if<Done>(&step)) co_return std::move(*done);
    Failed endless;
    endless.failure = FailureClass::never;
    endless.code = "too_many_steps";
    endless.reason = "the exchange did not come to an end";
    co_return endless;
}

// The journal entry. An attempt number over 1 means that this grant was (perhaps) sent before.
awaitable<Result<int>> Broker::intend(std::shared_ptr<Attempt> attempt) {
    Account& account = *attempt->account;
    std::shared_ptr<storage::Change> change = std::exchange(account.unsure_intent, nullptr);
    if (!change || std::get<storage::Intend>(*change).grant_version != attempt->grant_version)
        change = std::make_shared<storage::Change>(
            storage::Intend{account.id, attempt->grant_version, deps_.clock.wall()});
    const Result<storage::Committed> stored = co_await deps_.store.commit(change);
    if (!stored) {
        account.unsure_intent = std::move(change);
        co_return stored.error();
    }
    attempt->sent_grant = true;
    if (!account.intent)
        account.intent = storage::IntentRecord{stored->grant_fingerprint, deps_.clock.wall(), 0};
    account.intent->attempts = stored->attempts;
    co_return stored->attempts;
}

awaitable<Result<SecretSet>> Broker::client_secrets(std::shared_ptr<const ClientRuntime> client) {
    SecretSet all;
    const std::string& name = client->client->settings.name;
    bool any_stored = false;
    for (const auto& [key, source] : client->client->secrets)
        any_stored = any_stored || source.kind == SecretSource::Kind::stored;
    SecretSet stored;
    if (any_stored) {
        Result<SecretSet> opened = co_await deps_.store.open_client_secrets(name);
        if (!opened) co_return opened.error();
        stored = std::move(*opened);
    }
    for (const auto& [key, source] : client->client->secrets) {
        if (source.kind == SecretSource::Kind::stored) {
            const Secret* value = stored.find(key);
            if (value == nullptr)
                co_return Error{errc::misconfigured,
                                fmt::format("client {}: its {} has not been stored yet; run: "
                                            "tokenbroker client set-secret "
                                            "{} --name {}",
                                            name, key, name, key)};
            all.set(key, value->copy());
        } else if (source.kind != SecretSource::Kind::none) {
            Result<Secret> value = deps_.read_secret(source);
            if (!value) co_return value.error();
            all.set(key, std::move(*value));
        }
    }
    co_return all;
}

awaitable<Result<storage::Committed>> Broker::commit_until_durable(
    std::shared_ptr<Attempt> attempt, std::shared_ptr<storage::Change> change) {
    Account& account = *attempt->account;
    co_await pieces_.turn();
    Result<storage::Committed> stored = co_await deps_.store.commit(change);
    if (stored || !is_of_store(stored.error())) co_return stored;
    account.commit_pending = true;
    ++commits_pending_;  // whoever is told below finds it in the status
    store_trouble_ = stored.error().message;
    settle_waiters(account, *attempt->slot);
    stored = co_await commit_in_the_end(account.name, change, stored.error());
    --commits_pending_;
    account.commit_pending = false;
    co_return stored;
}

awaitable<Result<storage::Committed>> Broker::commit_acknowledged(
    std::string name, std::shared_ptr<storage::Change> change) {
    Result<storage::Committed> stored = co_await deps_.store.commit(change);
    if (stored || !is_of_store(stored.error())) co_return stored;
    ++commits_pending_;
    store_trouble_ = stored.error().message;
    stored = co_await commit_in_the_end(name, change, stored.error());
    --commits_pending_;
    co_return stored;
}

awaitable<Result<storage::Committed>> Broker::commit_known(
    std::string what, std::shared_ptr<storage::Change> change) {
    Result<storage::Committed> stored = co_await deps_.store.commit(change);
    Millis wait{50};
    constexpr Millis wait_max{5'000};
    const BootTime deadline = deps_.clock.now() + limits::known_within_ms;
    const bool in_doubt = !stored && stored.error().in_doubt;
    // Once in doubt, a full queue says nothing of it either.
    while (in_doubt && !stored && is_of_store(stored.error()) && deps_.clock.now() < deadline) {
        deps_.log.error(
            "{}: it is not known yet whether it was stored: {}; the store is asked "
            "again in {} ms",
            what, stored.error().message, wait.count());
        co_await sleep_until(deps_.clock, deps_.clock.now() + wait);
        wait = std::min(wait * 2, wait_max);
        stored = co_await deps_.store.commit(change);
    }
    co_return stored;
}

awaitable<Result<storage::Committed>> Broker::commit_in_the_end(
    std::string name, std::shared_ptr<storage::Change> change, Error first) {
    Result<storage::Committed> stored = std::move(first);
    Millis wait{250};
    constexpr Millis wait_max{30'000};
    while (!stored && is_of_store(stored.error())) {
        store_trouble_ = stored.error().message;
        deps_.log.critical(
            "{}: a new grant is in hand but can't be stored: {}; it stays in memory and is tried "
            "again in {} ms; free the disk, don't stop the daemon",
            name, store_trouble_, wait.count());
        co_await sleep_until(deps_.clock, deps_.clock.now() + wait);
        wait = std::min(wait * 2, wait_max);
        stored = co_await deps_.store.commit(change);
    }
    deps_.log.notice("{}: the new grant is stored now", name);
    co_return stored;
}

}  // namespace tb::daemon
