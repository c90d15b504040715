// An Immersve exchange against any reply: one request, then Minted or Failed; no secret gets into a
// reason, a grant dies only by a parsed refusal, and what is handed on can be sent again.
// Input: a first byte (bit 0: a replay; bit 1: a marked grant), then a reply (reply_input.hpp).
#include "providers/token_rules.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/reply_input.hpp"

using namespace tb;
using namespace tb::providers;

namespace {

constexpr std::string_view refresh_token = "rt_test_e638d190/ecec+49aa";

void check_grant(const std::optional<SecretSet>& grant, bool marked) {
    if (!grant) return;
    TB_ASSERT(good_refresh_token(grant->find("refresh_token")->view()));
    const bool same = grant->find("refresh_token")->view() == refresh_token;
    const bool marked_now = grant->find("probably_spent") != nullptr;
    TB_ASSERT(!marked_now || (same && !marked));  // only the old one, and only once
    TB_ASSERT(!same || marked_now != marked);     // else nothing would be new about it
}

void check_minted(const Minted& minted, int status, bool marked) {
    TB_ASSERT(status >= 200 && status < 300);
    TB_ASSERT(good_access_token(minted.access_token.view()));
    TB_ASSERT(minted.lifetime && *minted.lifetime >= Millis{0} &&
              *minted.lifetime <= limits::lifetime_max_ms);
    TB_ASSERT(!minted.grant_lifetime || (*minted.grant_lifetime >= Millis{0} &&
                                         *minted.grant_lifetime <= limits::lifetime_max_ms));
    TB_ASSERT(!minted.grant_lifetime || minted.new_grant);
    check_grant(minted.new_grant, marked);
}

}  // namespace

TB_JSON_INPUT(fuzz::body)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::StillClock clock;
    static fuzz::ZeroRandom random;
    if (size == 0) return 0;
    const bool replay = (data[0] & 1U) != 0;
    const bool marked = (data[0] & 2U) != 0;
    http::Reply reply =
        fuzz::reply_of({reinterpret_cast<const char*>(data) + 1, size - 1}, boot_from_ms(900'000));
    const int status = reply.status;
    ClientSettings client;
    client.client_id = "app";
    client.settings["origin"] = {std::string("https://app.example.com"), "fuzz:1"};
    SecretSet grant;
    grant.set("refresh_token", Secret(refresh_token));
    if (marked) grant.set("probably_spent", Secret("yes"));
    const SecretSet none;
    const std::vector<std::pair<std::string, std::string>> attributes;
    const auto exchange = find_provider("immersve")
                              ->begin({client,
                                       "cards/main",
                                       attributes,
                                       grant,
                                       none,
                                       {},
                                       replay,
                                       Purpose::renew,
                                       clock,
                                       random});
    TB_ASSERT(std::holds_alternative<Send>(exchange->start()));
    const Step step = exchange->resume(std::move(reply));
    TB_ASSERT(std::holds_alternative<Done>(step));
    const Done& done = std::get<Done>(step);
    if (const auto* minted = std::get_if<Minted>(&done)) {
        check_minted(*minted, status, marked);
        return 0;
    }
    const auto& failed = std::get<Failed>(done);
    fuzz::check_failed(failed, {refresh_token, "rt_test_e638d190%2Fecec%2B49aa",
                                "cnRfdGVzdF9lNjM4ZDE5MC9lY2VjKzQ5YW"});
    TB_ASSERT(failed.scope == Failed::Scope::account);
    if (failed.failure == FailureClass::reauth) TB_ASSERT(status >= 400 && status < 500);
    if (failed.code == "forbidden")
        TB_ASSERT((failed.failure == FailureClass::reauth) == (replay || marked));
    if (failed.new_grant) {
        TB_ASSERT(status >= 200 && status < 300 && failed.failure == FailureClass::ambiguous);
        TB_ASSERT(failed.new_grant->find("refresh_token")->view() != refresh_token);
        check_grant(failed.new_grant, marked);
    }
    return 0;
}
