// AddAccount: import, store, prove. Over an existing account only with replace (admin_replace.cpp).
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/limits.hpp"
#include "daemon/account_name.hpp"
#include "daemon/admin_service.hpp"
#include "daemon/arguments.hpp"
#include "daemon/errors.hpp"
#include "daemon/status_json.hpp"
#include "ipc/replies.hpp"

namespace tb::daemon {
Result<void> room_for_account(std::size_t present) {
    if (present < limits::accounts_max) return {};
    return Error{errc::config,
                 fmt::format("there are {} accounts already; remove some first", present)};
}

// The name, its client, and the attributes that this client's accounts can have: a mistyped one
// would get a token for something else. Answered here if one is wrong.
bool AdminService::fits_a_client(ipc::Connection& connection, Enrolment& enrolment) const {
    const auto refuse = [&](const std::string& reason) {
        connection.out() += proto::make_error("io.tokenbroker.admin.Refused", {{"reason", reason}});
        return false;
    };
    if (const auto named = check_account_name(enrolment.name); !named)
        return refuse(named.error().message);
    const std::string name(client_of(enrolment.name));
    enrolment.client = table_.client(name);
    if (!enrolment.client) {
        connection.out() +=
            proto::make_error("io.tokenbroker.admin.UnknownClient", {{"client", name}});
        return false;
    }
    const ClientConfig& client = *enrolment.client->client;
    const Account* existing = table_.find(enrolment.name);
    if (existing != nullptr && existing->provider != client.provider->name())
        return refuse(
            fmt::format("{0}: is an account of {1}, and client {2} is of {3} now; run: "
                        "tokenbroker account remove {0}",
                        enrolment.name, existing->provider, name, client.provider->name()));
    const auto known = client.provider->attribute_names(client.settings);
    for (const auto& [key, value] : enrolment.attributes)
        if (std::ranges::find(known, key) == known.end())
            return refuse(fmt::format(
                "{}: accounts of client {} have no attribute {}; {}", enrolment.name, name, key,
                known.empty() ? "they take none"
                              : fmt::format("they take {}", fmt::join(known, ", "))));
    return true;
}

void AdminService::add_account(ipc::Connection& connection, const proto::Call& call) {
    Arguments arguments(call);
    auto enrolment = std::make_shared<Enrolment>();
    enrolment->name = arguments.text("account", limits::account_name_bytes_max);
    SecretSet secrets =
        arguments.secrets("secrets", limits::parameters_max, limits::secret_bytes_max);
    enrolment->attributes =
        arguments.map("attributes", limits::attributes_max, limits::attribute_bytes_max);
    enrolment->replace = arguments.boolean("replace").value_or(false);
    const auto wait = arguments.integer("wait_ms", 0, limits::reader_timeout_max_ms.count());
    enrolment->wait = wait ? Millis{*wait} : limits::reader_timeout_default_ms;
    const auto refuse = [&](const std::string& reason) {
        connection.out() += proto::make_error("io.tokenbroker.admin.Refused", {{"reason", reason}});
    };
    if (const std::string wrong = arguments.wrong(); !wrong.empty()) {
        connection.out() += ipc::invalid_parameter(wrong);
        return;
    }
    if (!fits_a_client(connection, *enrolment)) return;
    if (enrolling_) return refuse("another account is being enrolled; try again in a moment");
    const ClientConfig& client = *enrolment->client->client;
    auto imported =
        client.provider->import_grant(client.settings, enrolment->attributes, std::move(secrets));
    if (!imported) return refuse(enrolment->name + ": " + imported.error().message);
    enrolment->imported = std::move(*imported);
    // Two owners of a rotating grant kill it: whoever pastes one has taken it from somewhere.
    if (enrolment->client->traits.single_use_grant)
        enrolment->imported.notices.push_back(
            enrolment->name +
            ": its refresh token is used up by each renewal; a program that it was copied from "
            "loses it now");
    enrolment->pending = connection.defer();
    enrolling_ = true;
    spawn(deps_.brain, "enrol", enrol(std::move(enrolment)));
}

awaitable<void> AdminService::enrol(std::shared_ptr<Enrolment> enrolment) {
    const auto existing = table_.share(enrolment->name);
    if (existing && !enrolment->replace) {
        enrolment->pending->finish(
            admin_error(enrolment->name, Error{errc::account_exists, enrolment->name}));
    } else if (const auto room = room_for_account(table_.size());
               !existing && !room && !enrolment->logged_in) {
        enrolment->pending->finish(admin_error(enrolment->name, room.error()));
    } else if (!existing) {
        co_await enrol_new(enrolment);
    } else {
        co_await put_over(enrolment, existing);
    }
    enrolling_ = false;
    enrolment_ended_.notify_all();
}

// A grant from a login was acknowledged by its provider: it waits for the store as long as it
// takes.
awaitable<Result<storage::Committed>> AdminService::keep(std::shared_ptr<Enrolment> enrolment,
                                                         std::shared_ptr<storage::Change> change) {
    if (enrolment->logged_in)
        co_return co_await broker_.commit_acknowledged(enrolment->name, std::move(change));
    co_return co_await broker_.commit_known(enrolment->name, std::move(change));
}

// The store takes its own copy: the original becomes the account in memory once the commit is
// durable.
storage::AddAccount AdminService::addition(const storage::AccountRecord& record,
                                           const SecretSet& grant) {
    storage::AddAccount add;
    add.account = record.copy();
    add.grant = grant.copy();
    return add;
}

storage::AccountRecord AdminService::record_of(Enrolment& enrolment) const {
    storage::AccountRecord record;
    record.name = enrolment.name;
    record.provider = std::string(enrolment.client->client->provider->name());
    record.attributes = enrolment.attributes;
    record.grant_obtained_at = deps_.clock.wall();
    if (enrolment.imported.grant_lifetime)
        record.grant_expires_at = record.grant_obtained_at + *enrolment.imported.grant_lifetime;
    if (auto& token = enrolment.imported.token) {
        storage::TokenRecord in_hand;
        in_hand.generation = 1;
        in_hand.access_token = std::move(token->access_token);
        in_hand.header_name = token->header_name;
        in_hand.header_prefix = token->header_prefix;
        in_hand.query_name = token->query_name;
        in_hand.attributes = token->attributes;
        in_hand.scopes = token->scopes;
        const BootTime now = deps_.clock.now();
        const providers::Traits& traits = enrolment.client->traits;
        in_hand.sent_at = token->sent_at == BootTime{} ? now : token->sent_at;
        in_hand.boot_id = deps_.clock.boot_id();
        in_hand.sent_wall = record.grant_obtained_at - (now - in_hand.sent_at);
        in_hand.lifetime = token->lifetime;
        in_hand.renew_fraction = deps_.random.uniform(traits.renew_from, traits.renew_to);
        record.generation = 1;
        record.token = std::move(in_hand);
    }
    return record;
}

void AdminService::enrolled(const Enrolment& enrolment, const Account& account, bool proved) const {
    boost::json::object reply;
    reply["account"] = account_status(account, broker_, broker_.moment());
    reply["proved"] = proved;
    boost::json::array notices;
    for (const std::string& notice : enrolment.imported.notices)
        notices.emplace_back(notice);
    reply["notices"] = std::move(notices);
    enrolment.pending->finish(proto::make_reply(reply));
}

awaitable<void> AdminService::enrol_new(std::shared_ptr<Enrolment> enrolment) {
    storage::AccountRecord record = record_of(*enrolment);
    const auto change =
        std::make_shared<storage::Change>(addition(record, enrolment->imported.grant));
    const Result<storage::Committed> stored = co_await keep(enrolment, change);
    if (!stored) {
        // A restore may have brought the account while the person logged in, or while the disk was
        // full: the grant of the login is newer.
        const bool exists = enrolment->logged_in && stored.error().code == errc::account_exists;
        std::shared_ptr<Account> meanwhile;
        // It is in the store; to be in memory may take as long as its own commit was in doubt.
        const BootTime deadline = deps_.clock.now() + limits::known_within_ms;
        while (exists && !(meanwhile = table_.share(enrolment->name)) &&
               deps_.clock.now() < deadline)
            co_await sleep_until(deps_.clock, deps_.clock.now() + limits::backoff_first_ms);
        if (meanwhile) {
            if (record.token)
                enrolment->imported.token->access_token = std::move(record.token->access_token);
            co_return co_await put_over(enrolment, meanwhile);
        }
        give_back_of_login(*enrolment);
        enrolment->pending->finish(admin_error(enrolment->name, stored.error()));
        co_return;
    }
    record.id = stored->account;
    record.grant_version = stored->grant_version;
    const bool has_token = record.token.has_value();
    const auto account = table_.insert(std::move(record), broker_.moment(), deps_.clock.boot_id());
    if (enrolment->logged_in) account->stats.last_success = deps_.clock.wall();
    deps_.log.notice("{}: enrolled", account->name);
    // Nothing to prove it with; or a reload took its client section away meanwhile.
    const bool unproved = !account->client || !account->client->traits.parameters.empty();
    if (has_token || unproved || enrolment->wait == Millis{0}) {
        broker_.adopt(account);
        enrolled(*enrolment, *account, has_token);
        co_return;
    }
    auto done = [this, enrolment, account](const Result<const Slot*>& outcome) {
        if (outcome) return enrolled(*enrolment, *account, true);
        enrolment->pending->finish(admin_error(account->name, outcome.error()));
    };
    broker_.kick(account, enrolment->wait, std::move(done));
}

}  // namespace tb::daemon
