// A PlayFab exchange against any reply, given again to each request of it: it ends in Minted or
// Failed, one credential travels at a time, no secret gets into a reason, a dead grant needs a
// numbered refusal, and what is handed on can be sent again and is of the right entity.
// Input: as on the wire: a status, header lines, an empty line, the body. An odd first status digit
// leads through the secret key, an even one through the session ticket.
#include <algorithm>
#include <string>

#include "providers/token_rules.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/reply_input.hpp"

using namespace tb;
using namespace tb::providers;

namespace {

constexpr std::string_view entity_token = "et_test_e638d190/ecec+49aa==";
constexpr std::string_view session_ticket = "st_test_1A2B3C-4D5E/6F";
constexpr std::string_view secret_key = "SK_TEST_0815_ABCDEFGH";
constexpr std::string_view entity_id = "174812abf712";

void check_request(const http::Request& request) {
    TB_ASSERT(request.origin == "https://a1b2c.playfabapi.com" && !request.spends_grant);
    const auto credentials = std::ranges::count_if(request.headers, [](const http::Header& one) {
        return one.name == "X-EntityToken" || one.name == "X-SecretKey" ||
               one.name == "X-Authorization";
    });
    TB_ASSERT(credentials == 1);
    for (const std::string_view secret : {entity_token, session_ticket, secret_key}) {
        TB_ASSERT(request.body.view().find(secret) == std::string_view::npos);
        TB_ASSERT(request.target.view().find(secret) == std::string_view::npos);
    }
}

void check_failed(const Failed& failed) {
    TB_ASSERT(failed.failure != FailureClass::ambiguous && !failed.new_grant);
    fuzz::check_failed(
        failed, {entity_token, session_ticket, secret_key, "et_test_e638d190%2Fecec%2B49aa%3D%3D",
                 "ZXRfdGVzdF9lNjM4ZDE5MC9lY2VjKzQ5YWE9P"});
    if (failed.failure == FailureClass::reauth)
        TB_ASSERT(failed.code != "unknown_error" && !failed.code.starts_with("http_"));
}

void check_minted(const Minted& minted) {
    TB_ASSERT(good_access_token(minted.access_token.view()));
    TB_ASSERT(minted.header_name == "X-EntityToken" && minted.header_prefix.empty());
    TB_ASSERT(minted.lifetime && *minted.lifetime > Millis{0} &&
              *minted.lifetime <= limits::lifetime_max_ms);
    const Secret* next = minted.new_grant->find("entity_token");
    TB_ASSERT(next != nullptr && equal(*next, minted.access_token));
    TB_ASSERT(std::ranges::any_of(minted.attributes, [](const auto& attribute) {
        return attribute.first == "entity_id" && equal_ignoring_case(attribute.second, entity_id);
    }));
}

ClientSettings client_of(bool by_secret) {
    ClientSettings client;
    client.settings["title_id"] = Setting{"A1B2C", ""};
    client.settings["mode"] = Setting{"entity", ""};
    if (by_secret) client.settings["fallback"] = Setting{"secret_key", ""};
    return client;
}

}  // namespace

TB_JSON_INPUT(fuzz::body)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::StillClock clock;
    static fuzz::ZeroRandom random;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const ClientSettings client = client_of(size > 0 && data[0] % 2 == 1);
    SecretSet grant;
    grant.set("entity_token", Secret(entity_token));
    grant.set("session_ticket", Secret(session_ticket));
    SecretSet client_secrets;
    client_secrets.set("secret_key", Secret(secret_key));
    const std::vector<std::pair<std::string, std::string>> attributes = {
        {"entity_id", std::string(entity_id)}, {"entity_type", "title_player_account"}};
    const auto exchange = find_provider("playfab")->begin({client,
                                                           "title/player",
                                                           attributes,
                                                           grant,
                                                           client_secrets,
                                                           {},
                                                           false,
                                                           Purpose::renew,
                                                           clock,
                                                           random});
    Step step = exchange->start();
    for (int i = 0; std::holds_alternative<Send>(step); ++i) {
        TB_ASSERT(i < limits::exchange_steps_max);
        check_request(std::get<Send>(step).request);
        step = exchange->resume(fuzz::reply_of(text));
    }
    const Done& done = std::get<Done>(step);
    if (const auto* failed = std::get_if<Failed>(&done))
        check_failed(*failed);
    else
        check_minted(std::get<Minted>(done));
    return 0;
}
