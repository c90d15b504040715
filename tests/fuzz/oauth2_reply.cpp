// An oauth2 exchange against any reply, under several configurations: it ends in Minted or Failed,
// no secret gets into a reason, a dead grant needs a parsed refusal, what is handed on can be sent.
// Input: a line whose first letter chooses the configuration, then a reply as on the wire.
#include <algorithm>
#include <array>
#include <string>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "providers/provider.hpp"
#include "providers/token_rules.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/reply_input.hpp"

using namespace tb;
using namespace tb::providers;

namespace {

using Table = std::map<std::string, std::string>;
using List = std::vector<std::string>;

constexpr std::string_view refresh_token = "rt_test_e638d190/ecec+49aa";
constexpr std::string_view client_secret = "cs_test_0815 \"q\"";

void put(ClientSettings& client, const std::string& key, Value value) {
    client.settings[key] = Setting{std::move(value), ""};
}

ClientSettings client_of(char choice) {
    static constexpr std::array<const char*, 5> presets = {"discord", "twitch", "epic", "google",
                                                           "entra"};
    ClientSettings client;
    client.client_id = "app";
    client.scopes = {"a", "b"};
    put(client, "token_url", "https://id.example.com/token");
    if (choice >= '1' && choice <= '5')
        put(client, "preset", presets[static_cast<std::size_t>(choice - '1')]);
    if (choice == '6') put(client, "grant", "client_credentials");
    if (choice == '7') {
        put(client, "fields",
            Table{{"access", "/data/0/token"},
                  {"expires_at", "/at"},
                  {"refresh_expires_in", "/ttl"},
                  {"error", "/e/c"}});
        put(client, "expiry", List{"expires_at", "jwt_exp", "reactive"});
        put(client, "require_scopes", List{"a"});
        put(client, "success_statuses", List{"200", "201"});
        put(client, "error_map", Table{{"dead", "reauth"}, {"busy", "retry"}});
    }
    return client;
}

void check_failed(const Failed& failed, int status) {
    TB_ASSERT(!failed.code.empty() && !failed.reason.empty());
    TB_ASSERT(failed.reason.size() <= limits::error_text_bytes_max);
    TB_ASSERT(std::ranges::all_of(failed.reason, [](char c) { return c >= 0x20 && c <= 0x7E; }));
    const std::string said = failed.code + "\n" + failed.reason;
    for (const std::string_view secret :
         {refresh_token, client_secret, std::string_view("rt_test_e638d190%2Fecec%2B49aa"),
          std::string_view("cs_test_0815+%22q%22"), std::string_view("cs_test_0815 \\\"q\\\"")})
        TB_ASSERT(said.find(secret) == std::string::npos);
    if (failed.failure == FailureClass::reauth)
        TB_ASSERT(status < 500 && failed.code == "invalid_grant");
    if (failed.retry_after)
        TB_ASSERT(*failed.retry_after >= Millis{0} &&
                  *failed.retry_after <= limits::retry_after_max_ms);
}

void check_grant(const std::optional<SecretSet>& grant) {
    if (!grant) return;
    TB_ASSERT(good_refresh_token(grant->find("refresh_token")->view()));
    TB_ASSERT(grant->find("refresh_token")->view() != refresh_token);
}

}  // namespace

TB_JSON_INPUT(fuzz::body)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::StillClock clock;
    static fuzz::ZeroRandom random;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string_view choice = fuzz::line(text);
    const ClientSettings client = client_of(choice.empty() ? '0' : choice.front());
    http::Reply reply = fuzz::reply_of(text);
    const int status = reply.status;
    SecretSet grant;
    grant.set("refresh_token", Secret(refresh_token));
    SecretSet client_secrets;
    client_secrets.set("client_secret", Secret(client_secret));
    const std::vector<std::pair<std::string, std::string>> attributes;
    const auto exchange = find_provider("oauth2")->begin({client,
                                                          "shop/main",
                                                          attributes,
                                                          grant,
                                                          client_secrets,
                                                          {},
                                                          false,
                                                          Purpose::renew,
                                                          clock,
                                                          random});
    TB_ASSERT(std::holds_alternative<Send>(exchange->start()));
    const Step step = exchange->resume(std::move(reply));
    TB_ASSERT(std::holds_alternative<Done>(step));
    const Done& done = std::get<Done>(step);
    if (const auto* failed = std::get_if<Failed>(&done)) {
        check_failed(*failed, status);
        check_grant(failed->new_grant);
        return 0;
    }
    const auto& minted = std::get<Minted>(done);
    TB_ASSERT(status >= 200 && status < 300);
    TB_ASSERT(good_access_token(minted.access_token.view()));
    if (minted.lifetime)
        TB_ASSERT(*minted.lifetime >= Millis{0} && *minted.lifetime <= limits::lifetime_max_ms);
    check_grant(minted.new_grant);
    return 0;
}
