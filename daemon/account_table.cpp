// See account_table.hpp.
#include "daemon/account_table.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "daemon/account_memory.hpp"

namespace tb::daemon {
namespace {

bool same_settings(const ClientConfig& a, const ClientConfig& b) {
    const auto& x = a.settings;
    const auto& y = b.settings;
    if (x.provider != y.provider || x.base_url != y.base_url || x.client_id != y.client_id ||
        x.scopes != y.scopes || x.settings.size() != y.settings.size() || a.ca_file != b.ca_file ||
        a.proxy != b.proxy || a.policy != b.policy || a.secrets.size() != b.secrets.size())
        return false;
    for (const auto& [key, setting] : x.settings) {
        const auto found = y.settings.find(key);
        if (found == y.settings.end() || found->second.value != setting.value) return false;
    }
    for (const auto& [name, source] : a.secrets) {
        const auto found = b.secrets.find(name);
        if (found == b.secrets.end() || found->second.kind != source.kind ||
            found->second.where != source.where)
            return false;
    }
    return true;
}

}  // namespace

void put_token(Slot& slot, const std::string& account, const storage::TokenRecord& token, Moment at,
               std::string_view boot_id) {
    const Life life = life_of(token, at, boot_id);
    std::optional<WallTime> expires_wall;
    if (token.lifetime) expires_wall = at.wall + (life.expires_at - at.now);
    slot.hand_out = HandOut(account, token, expires_wall);
    slot.sent_at = life.sent_at;
    slot.came_at = {};
    slot.expires_at = life.expires_at;
    slot.lifetime = token.lifetime;
    slot.renew_fraction = token.renew_fraction;
    slot.generation = token.generation;
}

std::vector<std::string> AccountTable::configure(std::shared_ptr<const Config> config) {
    std::vector<std::string> changed;
    std::map<std::string, std::shared_ptr<const ClientRuntime>, std::less<>> clients;
    ++config_version_;
    for (const auto& [name, client] : config->clients) {
        auto runtime = std::make_shared<ClientRuntime>();
        runtime->config = config;
        runtime->client = &client;
        runtime->traits = client.provider->traits(client.settings);
        runtime->prepared = client.provider->prepare(client.settings);
        runtime->origin = client.provider->origin(client.settings);
        const auto before = clients_.find(name);
        const bool same =
            before != clients_.end() && same_settings(*before->second->client, client);
        if (!same) changed.push_back(name);
        runtime->version = same ? before->second->version : config_version_;
        clients.emplace(name, std::move(runtime));
    }
    for (const auto& [name, runtime] : clients_)
        if (!clients.contains(name)) changed.push_back(name);
    clients_ = std::move(clients);
    TB_ASSERT(!previous_);
    previous_ = std::exchange(config_, std::move(config));
    rule_lists_.clear();
    return changed;
}

std::shared_ptr<const ClientRuntime> AccountTable::client(std::string_view name) const {
    const auto found = clients_.find(name);
    return found == clients_.end() ? nullptr : found->second;
}

void AccountTable::attach(Account& account) {
    auto runtime = client(client_of(account.name));
    // Another provider under the same name would get the wrong kind of grant.
    if (runtime && runtime->client->provider->name() != account.provider) runtime = nullptr;
    account.client = std::move(runtime);
    account.rules = rules_of(account.name);
}

RuleList AccountTable::rules_of(std::string_view name) {
    RuleList::Rules rules = rules_for(config_->access, name);
    const auto found = rule_lists_.find(rules);
    if (found != rule_lists_.end()) return found->second;
    const RuleList list(std::make_shared<const RuleList::Rules>(rules));
    return rule_lists_.emplace(std::move(rules), list).first->second;
}

void take_over(Account& account, storage::AccountRecord&& record, Moment at,
               std::string_view boot_id) {
    account.attributes = std::move(record.attributes);
    account.paused = record.paused;
    account.state = record.state;
    account.reason = std::move(record.reason);
    account.grant_version = record.grant_version;
    account.grant_obtained_at = record.grant_obtained_at;
    account.grant_expires_at = record.grant_expires_at;
    account.intent = std::move(record.intent);
    account.last_used = record.last_used;
    // A token that was dead at once only stands for its generation.
    if (record.token && record.token->lifetime != Millis{0})
        put_token(account.slot, account.name, *record.token, at, boot_id);
    account.newest_generation =
        std::max({account.newest_generation, account.slot.generation, record.generation});
}

std::shared_ptr<Account> AccountTable::insert(storage::AccountRecord record, Moment at,
                                              std::string_view boot_id) {
    auto account = std::allocate_shared<Account>(AccountMemory<Account>());
    account->id = record.id;
    account->name = std::move(record.name);
    account->provider = *providers_.insert(std::move(record.provider)).first;
    const bool candidate = record.candidate_for.has_value();
    take_over(*account, std::move(record), at, boot_id);
    attach(*account);
    if (candidate) return account;
    TB_ASSERT(index_.find(account->name) == nullptr);
    index_.add(*account);
    const auto client = sizes_.find(client_of(account->name));
    if (client == sizes_.end())
        sizes_.emplace(client_of(account->name), 1);
    else
        ++client->second;
    if (loading_)
        arriving_.push_back(account);
    else
        order_.add(account);
    return account;
}

std::size_t AccountTable::size_of(std::string_view client) const {
    const auto found = sizes_.find(client);
    return found == sizes_.end() ? 0 : found->second;
}

void AccountTable::begin_load() {
    loading_ = true;
}

void AccountTable::end_load() {
    loading_ = false;
    order_.add_all(std::exchange(arriving_, {}));
}

void AccountTable::remove(Account& account) {
    account.removed = true;
    index_.remove(account);
    --sizes_.find(client_of(account.name))->second;
    order_.remove(account);  // may end the account: nothing of it is used after
}

std::shared_ptr<Account> AccountTable::share(std::string_view name) const {
    Account* found = find(name);
    return found == nullptr ? nullptr : found->shared_from_this();
}

bool AccountTable::some_after(std::string& after, Turn& turn,
                              const std::function<bool(Account&)>& each) const {
    bool more = false;
    bool ended = false;
    std::string_view last = after;
    order_.each_after(after, [&](const std::shared_ptr<Account>& one) {
        more = ended || !turn.more();
        if (more) return false;
        last = one->name;
        ended = !each(*one);
        return true;
    });
    after = std::string(last);
    return more;
}

void AccountTable::each(const std::function<void(const std::shared_ptr<Account>&)>& each) const {
    order_.each_after({}, [&each](const std::shared_ptr<Account>& one) {
        each(one);
        return true;
    });
}

}  // namespace tb::daemon
