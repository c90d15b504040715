// A Webroot exchange against any reply: it ends in Minted or Failed, no secret gets into a reason,
// a dead grant needs a parsed refusal, and what is handed on can be sent again.
// Input: a reply (reply_input.hpp).
#include "providers/token_rules.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/reply_input.hpp"

using namespace tb;
using namespace tb::providers;

namespace {

constexpr std::string_view refresh_token = "rt_test_e638d190/ecec+49aa";
constexpr std::string_view client_secret = "cs_test_0815 \"q\"";

void check_failed(const Failed& failed, int status) {
    fuzz::check_failed(failed, {refresh_token, client_secret, "rt_test_e638d190%2Fecec%2B49aa",
                                "cs_test_0815+%22q%22", "cs_test_0815 \\\"q\\\"",
                                "cnRfdGVzdF9lNjM4ZDE5MC9lY2VjKzQ5YW"});
    if (failed.failure == FailureClass::reauth)
        TB_ASSERT(status < 500 && failed.code == "invalid_grant");
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
    http::Reply reply =
        fuzz::reply_of({reinterpret_cast<const char*>(data), size}, boot_from_ms(900'000));
    const int status = reply.status;
    ClientSettings client;
    client.client_id = "app";
    client.scopes = {"ecom.shop"};
    SecretSet grant;
    grant.set("refresh_token", Secret(refresh_token));
    SecretSet client_secrets;
    client_secrets.set("client_secret", Secret(client_secret));
    const std::vector<std::pair<std::string, std::string>> attributes;
    const auto exchange = find_provider("webroot")->begin({client,
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
    TB_ASSERT(minted.lifetime && *minted.lifetime >= Millis{0} &&
              *minted.lifetime <= limits::lifetime_max_ms);
    check_grant(minted.new_grant);
    return 0;
}
