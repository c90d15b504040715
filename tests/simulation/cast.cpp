// Who is in the world: clients of each provider, their accounts on the disk, callers with and
// without rights.
#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "providers/provider.hpp"
#include "tests/simulation/world.hpp"

namespace tb::sim {
namespace {

constexpr std::array<ClientSpec, 14> specs = {{
    {"w0", "webroot", OldGrant::reject, true, true},
    {"w1", "webroot", OldGrant::grace, true, false},  // ambiguous_retry = defer
    {"w2", "webroot", OldGrant::revoke_family, true, false},
    {"w3", "webroot", OldGrant::still_valid, true, false},  // when_used
    {"i0", "immersve", OldGrant::reject, true, true},
    {"i1", "immersve", OldGrant::revoke_family, true, false},
    {"p0", "playfab", OldGrant::still_valid, false, true},   // mode secret
    {"p1", "playfab", OldGrant::still_valid, false, false},  // mode entity, falls back
    {"r0", "readyplayerme", OldGrant::still_valid, false, true},
    {"t0", "threekit", OldGrant::still_valid, false, true},
    {"t1", "threekit", OldGrant::still_valid, false, false},  // public
    {"o0", "oauth2", OldGrant::revoke_family, true, true},    // logins, revocation
    {"o1", "oauth2", OldGrant::still_valid, false, false},    // keeps its refresh token
    {"o2", "oauth2", OldGrant::still_valid, false, false},    // client credentials
}};

daemon::AccessRule rule(std::vector<std::string> accounts, uid_t uid) {
    daemon::Selector selector;
    selector.uid = uid;
    daemon::AccessRule out;
    out.accounts = std::move(accounts);
    out.allow.push_back(std::move(selector));
    out.place = "simulated.toml:1";
    return out;
}

void settle_provider(daemon::ClientConfig& client, std::string_view name) {
    const auto set = [&](const char* key, providers::Value value) {
        client.settings.settings[key] = {std::move(value), "simulated.toml:3"};
    };
    const std::string& provider = client.settings.provider;
    client.settings.client_id = client_id_of_all;
    if (provider == "webroot") client.settings.scopes = {"ECom.Shop"};
    if (provider == "immersve") set("origin", std::string("https://app.example.com"));
    if (provider == "playfab" || provider == "readyplayerme" || provider == "threekit")
        client.settings.client_id.clear();
    if (provider == "playfab") set("title_id", std::string("A1B2C"));
    if (name == "p0") set("mode", std::string("secret"));
    if (name == "p1") set("mode", std::string("entity"));
    if (name == "p1") set("fallback", std::string("secret_key"));
    if (provider == "readyplayerme") set("partner", std::string("partner_test"));
    if (provider == "threekit") client.operator_probe_daily = true;
    if (name == "t1") {
        set("kind", std::string("public"));
        set("domains", std::vector<std::string>{"shop.example.com"});
        set("origin", std::string("https://shop.example.com"));
    }
    if (provider != "oauth2") return;
    set("token_url", std::string("/token"));
    set("rotation", std::string(name == "o0" ? "single_use" : "auto"));
    if (name == "o2") set("grant", std::string("client_credentials"));
    if (name != "o0") return;
    set("auth_url", std::string("/authorize"));
    set("device_url", std::string("/device"));
    set("revoke_url", std::string("/revoke"));
}

daemon::ClientConfig client(const ClientSpec& spec) {
    daemon::ClientConfig out;
    const std::string name = spec.name;
    out.settings.name = name;
    out.settings.provider = spec.provider;
    out.settings.base_url = "https://" + name + ".test";
    settle_provider(out, name);
    out.provider = providers::find_provider(out.settings.provider);
    TB_ASSERT(out.provider != nullptr);
    for (const std::string& secret : out.provider->client_secret_names(out.settings))
        out.secrets[secret] = {daemon::SecretSource::Kind::file, "/simulated", "simulated.toml:2"};
    if (name == "w1") out.ambiguous_retry = daemon::AmbiguousRetry::defer;
    if (name == "w3") out.policy = providers::Policy::when_used;
    const std::vector<providers::Mistake> mistakes = out.provider->check(out.settings);
    for (const providers::Mistake& mistake : mistakes)
        fmt::print(stderr, "the simulation's client {}: {} {}\n", name, mistake.place,
                   mistake.text);
    TB_ASSERT(mistakes.empty());
    return out;
}

Millis lifetime_of(const ClientSpec& spec, bool documented, SimRandom& random) {
    const std::string_view provider = spec.provider;
    constexpr std::array<std::int64_t, 5> drawn_s = {20, 90, 299, 1200, 3600};
    const Millis drawn{drawn_s[static_cast<std::size_t>(random.between(0, 4))] * 1000};
    if (provider == "readyplayerme") return Millis{15'000};
    if (provider == "threekit") return Millis{0};
    if (provider == "playfab")
        return documented ? Millis{86'400'000} : std::max(drawn, Millis{90'000});
    if (!documented) return drawn;
    return provider == "webroot"    ? Millis{299'000}
           : provider == "immersve" ? Millis{1'200'000}
                                    : Millis{3'600'000};
}

Millis grant_life_of(std::string_view provider) {
    constexpr std::int64_t day_ms = 86'400'000;
    if (provider == "webroot") return Millis{14 * day_ms};
    return provider == "immersve" ? Millis{30 * day_ms} : Millis{0};
}

}  // namespace

std::span<const ClientSpec> client_specs() {
    return specs;
}

daemon::Config World::make_config() const {
    daemon::Config config;
    config.main_file = "simulated.toml";
    config.exchanges_max = exchanges_max_;
    std::vector<std::string> open;
    for (const ClientSpec& spec : specs) {
        if (!has(spec)) continue;
        if (spec.name != closed_client_) open.push_back(fmt::format("{}/*", spec.name));
        if (spec.name != absent_client_) config.clients[spec.name] = client(spec);
    }
    config.access.push_back(rule(open, 1000));
    config.access.push_back(rule({"*/*"}, 3001));
    config.access.push_back(rule({"*/*"}, 3002));
    if (options_.canary == Canary::open_door) config.access.push_back(rule({"*/*"}, 2000));
    return config;
}

bool World::permitted(uid_t uid, std::string_view account) const {
    if (uid == 0 || uid == 3001 || uid == 3002) return true;
    return uid == 1000 && account.substr(0, account.find('/')) != closed_client_;
}

// A fresh grant for an account that there was, or will be.
Family& World::enrol(const ClientSpec& spec, const std::string& account) {
    const Millis lifetime = lifetime_of(spec, options_.documented_lifetimes, random_);
    Family& family =
        issuer_.enrol(account, spec.policy, spec.rotates, lifetime, grant_life_of(spec.provider));
    // Its Date has whole seconds, its TokenExpiration has more.
    if (std::string_view(spec.provider) == "playfab") family.told_too_long = Millis{1'000};
    return family;
}

NewGrant World::new_grant(const std::string& account) {
    NewGrant grant;
    const auto spec = std::ranges::find_if(specs, [&](const ClientSpec& one) {
        return account.starts_with(fmt::format("{}/", one.name));
    });
    const std::string_view name = spec->name;
    if (name == "r0" || name == "o2") return grant;
    Family& family = enrol(*spec, account);
    if (name == "t0" || name == "t1") {
        grant.secrets["token"] = Issuer::access_token(family, 0);
    } else if (name == "p0" || name == "p1") {
        grant.attributes["entity_id"] = entity_id_of(family);
        grant.attributes["entity_type"] = "title_player_account";
        if (name == "p1") grant.secrets["entity_token"] = issuer_.mint(family).token;
    } else {
        grant.secrets["refresh_token"] = Issuer::refresh_token(family, 0);
    }
    return grant;
}

// As if it had been enrolled before the run began.
void World::make_account(const ClientSpec& spec, int number) {
    const std::string name = fmt::format("{}/a{}", spec.name, number);
    accounts_.push_back(name);
    NewGrant grant = new_grant(name);
    Row row;
    row.record.id = disk_.next_id++;
    row.record.name = name;
    row.record.provider = spec.provider;
    row.record.grant_obtained_at = clock_.wall();
    if (const Millis life = grant_life_of(spec.provider); life > Millis{0})
        row.record.grant_expires_at = clock_.wall() + life;
    for (const auto& [key, value] : grant.attributes)
        row.record.attributes.emplace_back(key, value.as_string());
    for (const auto& [key, value] : grant.secrets)
        row.grant.set(std::string_view(key), Secret(std::string_view(value.as_string())));
    if (std::string_view(spec.provider) == "threekit") {
        storage::TokenRecord token;
        token.generation = row.record.generation = 1;
        token.access_token = row.grant.find("token")->copy();
        token.header_name = "Authorization";
        token.header_prefix = "Bearer ";
        token.boot_id = clock_.boot_id();
        row.record.token = std::move(token);
    }
    if (std::string_view(spec.provider) == "readyplayerme")
        for (int user = 0; user < 4; ++user) {
            Family& family = enrol(spec, fmt::format("{}?{}", name, user));
            family.account = fmt::format("{}?{}", name, user_id_of(family));
            surroundings_.users[name].push_back(family.account);
        }
    disk_.rows.emplace(row.record.id, std::move(row));
}

void World::make_accounts() {
    for (const ClientSpec& spec : specs) {
        if (!has(spec)) continue;
        const std::string_view provider = spec.provider;
        auto oauth2 = provider == "oauth2" ? std::make_unique<OAuth2Model>(issuer_) : nullptr;
        if (std::string_view(spec.name) == "o0") oauth2_ = oauth2.get();
        if (std::string_view(spec.name) == "o2") oauth2->application(&enrol(spec, "o2/a0"));
        models_.push_back(provider == "webroot"         ? model_webroot(issuer_)
                          : provider == "immersve"      ? model_immersve(issuer_)
                          : provider == "playfab"       ? model_playfab(issuer_)
                          : provider == "readyplayerme" ? model_readyplayerme(issuer_)
                          : provider == "threekit"      ? model_threekit(issuer_)
                                                        : std::move(oauth2));
        internet_.serve(fmt::format("https://{}.test", spec.name), *models_.back());
        const bool only_one = std::string_view(spec.name) == "o2";
        for (int n = 0; n < (only_one ? 1 : options_.accounts_per_client); ++n)
            make_account(spec, n);
    }
}

void World::make_callers() {
    const auto executor = context_.get_executor();
    const auto add = [&](uid_t uid, std::vector<std::string> names, Millis every, bool hourly) {
        callers_.push_back(std::make_shared<SimCaller>(uid, std::move(names), surroundings_,
                                                       executor, every, hourly));
        callers_.back()->begin();
    };
    constexpr std::array<uid_t, 3> uids = {0, 1000, 2000};
    for (int i = 0; i < options_.callers; ++i)
        add(uids[static_cast<std::size_t>(i) % uids.size()], accounts_, Millis{10'000}, false);
    for (const auto& [account, users] : surroundings_.users)
        add(1000, {account}, Millis{3'600'000}, true);
}

}  // namespace tb::sim
