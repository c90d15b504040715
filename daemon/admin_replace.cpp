// A new grant over an account that is there: it proves itself by a renewal before the old one is
// dropped; with a token beside it (a static one, a login's) it is put in place in one commit,
// without a gap. What must stay true: a login's grant is newer than any, and acknowledged: it is
// kept, or given back.
#include <utility>

#include "base/limits.hpp"
#include "daemon/admin_service.hpp"
#include "daemon/errors.hpp"

namespace tb::daemon {
namespace {

// Two at once might be the same grant, spent twice; and what the first one brought would be lost.
Error being_tried(const Account& account, const Account& candidate) {
    const std::string why = candidate.reason.empty()
                                ? std::string("its provider has not answered yet")
                                : candidate.reason;
    return Error{
        errc::config,
        fmt::format("{}: a new grant for it is being tried already ({}); wait for that, or "
                    "give it up: log in anew, or remove the account and add it again",
                    account.name, why)};
}

}  // namespace

awaitable<void> AdminService::put_over(std::shared_ptr<Enrolment> enrolment,
                                       std::shared_ptr<Account> account) {
    if (enrolment->imported.token)
        co_await put_static(enrolment, account);
    else
        co_await enrol_over(enrolment, account);
}

// Its account was removed while the person logged in: nobody will use this grant.
void AdminService::give_back_of_login(Enrolment& enrolment) {
    if (!enrolment.logged_in) return;
    broker_.give_back(enrolment.client, enrolment.name,
                      std::make_shared<SecretSet>(std::move(enrolment.imported.grant)));
}

awaitable<void> AdminService::put_static(std::shared_ptr<Enrolment> enrolment,
                                         std::shared_ptr<Account> account) {
    storage::AccountRecord record = record_of(*enrolment);
    record.token->generation = ++account->newest_generation;
    const WallTime obtained = record.grant_obtained_at;
    const std::optional<WallTime> expires = record.grant_expires_at;
    storage::TokenRecord visible = record.token->copy();
    storage::ReplaceGrant replacement;
    replacement.account = account->id;
    replacement.grant = enrolment->imported.grant.copy();
    replacement.grant_obtained_at = record.grant_obtained_at;
    replacement.grant_expires_at = record.grant_expires_at;
    replacement.attributes =
        enrolment->attributes.empty() ? account->attributes : enrolment->attributes;
    replacement.token = std::move(record.token);
    const storage::Attributes attributes = replacement.attributes;
    auto change = std::make_shared<storage::Change>(std::move(replacement));
    const Result<storage::Committed> stored = co_await keep(enrolment, change);
    if (!stored) {
        give_back_of_login(*enrolment);
        enrolment->pending->finish(admin_error(enrolment->name, stored.error()));
        co_return;
    }
    // A candidate may have come between, with a number of its own.
    visible.generation = stored->generation;
    account->newest_generation = std::max(account->newest_generation, stored->generation);
    account->grant_version = stored->grant_version;
    account->attributes = attributes;
    account->grant_obtained_at = obtained;
    account->grant_expires_at = expires;
    put_token(account->slot, account->name, visible, broker_.moment(), deps_.clock.boot_id());
    deps_.log.notice("{}: its {} was replaced", account->name,
                     enrolment->logged_in ? "grant" : "token");
    broker_.replaced(account);
    enrolled(*enrolment, *account, true);
}

awaitable<void> AdminService::enrol_over(std::shared_ptr<Enrolment> enrolment,
                                         std::shared_ptr<Account> account) {
    const Account* before = broker_.candidate_for(*account);
    // A login's grant is newer than any, and acknowledged: it is never turned away.
    if (before != nullptr && !before->removed && !enrolment->logged_in) {
        enrolment->pending->finish(admin_error(account->name, being_tried(*account, *before)));
        co_return;
    }
    storage::AccountRecord record = record_of(*enrolment);
    record.candidate_for = account->id;
    if (record.attributes.empty()) record.attributes = account->attributes;
    record.generation = account->newest_generation;
    storage::AddAccount add = addition(record, enrolment->imported.grant);
    add.must_differ = enrolment->client->traits.single_use_grant && !enrolment->logged_in;
    const auto change = std::make_shared<storage::Change>(std::move(add));
    const Result<storage::Committed> stored = co_await keep(enrolment, change);
    if (!stored) {
        give_back_of_login(*enrolment);
        Error error = stored.error();
        if (error.code == errc::superseded)
            error.message += "; to try it now run: tokenbroker renew " + account->name;
        enrolment->pending->finish(admin_error(enrolment->name, error));
        co_return;
    }
    broker_.forget_candidate_of(*account);
    record.id = stored->account;
    record.grant_version = stored->grant_version;
    const auto candidate =
        table_.insert(std::move(record), broker_.moment(), deps_.clock.boot_id());
    candidate->candidate_of = account;
    auto done = [this, enrolment, account](const Result<const Slot*>& outcome) {
        if (outcome) return enrolled(*enrolment, *account, true);
        enrolment->pending->finish(admin_error(account->name, outcome.error()));
    };
    broker_.prove(candidate, enrolment->wait, std::move(done));
}

}  // namespace tb::daemon
