// Who is in the world: clients of each kind, their accounts on the disk, callers with and without
// rights.
#include "base/check.hpp"
#include "providers/provider.hpp"
#include "tests/simulation/world.hpp"

namespace tb::sim {
namespace {

daemon::AccessRule rule(std::vector<std::string> accounts, uid_t uid) {
    daemon::Selector selector;
    selector.uid = uid;
    daemon::AccessRule out;
    out.accounts = std::move(accounts);
    out.allow.push_back(std::move(selector));
    out.place = "simulated.toml:1";
    return out;
}

daemon::ClientConfig client(std::string name, std::string provider, std::string base_url) {
    daemon::ClientConfig out;
    out.settings.name = std::move(name);
    out.settings.provider = std::move(provider);
    out.settings.base_url = std::move(base_url);
    out.settings.client_id = "client_test";
    out.settings.scopes = {"ECom.Shop"};
    out.provider = providers::find_provider(out.settings.provider);
    TB_ASSERT(out.provider != nullptr);
    return out;
}

}  // namespace

OldGrant policy_of(int client) {
    constexpr OldGrant policies[] = {OldGrant::reject, OldGrant::grace, OldGrant::revoke_family,
                                     OldGrant::still_valid};
    return policies[client];
}

daemon::Config World::make_config() const {
    daemon::Config config;
    config.main_file = "simulated.toml";
    for (int i = 0; i < 4; ++i) {
        const std::string name = fmt::format("w{}", i);
        auto one = client(name, "webroot", fmt::format("https://{}.test", name));
        one.secrets["client_secret"] = {daemon::SecretSource::Kind::file, "/simulated",
                                        "simulated.toml:2"};
        if (i == 1) one.ambiguous_retry = daemon::AmbiguousRetry::defer;
        if (i == 3) one.policy = providers::Policy::when_used;
        config.clients[name] = std::move(one);
    }
    auto mint = client("mint", "test-minted", "https://mint.test");
    mint.secrets["api_key"] = {daemon::SecretSource::Kind::file, "/simulated", "simulated.toml:3"};
    config.clients["mint"] = std::move(mint);
    auto fixed = client("tk", "threekit", "https://tk.test");
    fixed.operator_probe_daily = true;
    config.clients["tk"] = std::move(fixed);
    config.access.push_back(rule({"w*/*", "mint/*", "tk/*"}, 1000));
    return config;
}

void World::make_accounts() {
    const auto add = [this](const std::string& name, const std::string& provider,
                            SecretSet grant) -> Row& {
        Row row;
        row.record.id = disk_.next_id++;
        row.record.name = name;
        row.record.provider = provider;
        row.record.grant_obtained_at = clock_.wall();
        row.grant = std::move(grant);
        return disk_.rows.emplace(row.record.id, std::move(row)).first->second;
    };
    for (int i = 0; i < 4; ++i) {
        for (int n = 0; n < options_.accounts_per_client; ++n) {
            const std::string name = fmt::format("w{}/a{}", i, n);
            constexpr std::int64_t lifetimes_s[] = {20, 90, 299, 3600};
            const Millis lifetime{lifetimes_s[random_.u64() % 4] * 1000};
            SecretSet grant;
            grant.set("refresh_token",
                      Secret(idp_.enrol(name, fmt::format("w{}.test", i), policy_of(i), lifetime)));
            Row& row = add(name, "webroot", std::move(grant));
            row.record.grant_expires_at = clock_.wall() + Millis{std::int64_t{14} * 86'400'000};
        }
    }
    add("mint/app", "test-minted", SecretSet());
    for (int n = 0; n < 2; ++n) {
        const std::string name = fmt::format("tk/a{}", n);
        SecretSet grant;
        grant.set("token", Secret("static_test_" + name));
        Row& row = add(name, "threekit", std::move(grant));
        row.record.generation = 1;
        storage::TokenRecord token;
        token.generation = 1;
        token.access_token = Secret("static_test_" + name);
        token.header_name = "Authorization";
        token.header_prefix = "Bearer ";
        token.boot_id = clock_.boot_id();
        row.record.token = std::move(token);
    }
}

void World::make_callers() {
    std::vector<std::string> all;
    for (const auto& [id, row] : disk_.rows)
        all.push_back(row.record.name);
    for (int i = 0; i < options_.callers; ++i) {
        const bool permitted = i % 3 != 2;
        const uid_t uid = permitted ? (i % 3 == 0 ? 0U : 1000U) : 2000U;
        auto caller = std::make_shared<SimCaller>(uid, permitted, all, clock_, random_, options_,
                                                  idp_, checker_);
        caller->begin();
        callers_.push_back(std::move(caller));
    }
}

}  // namespace tb::sim
