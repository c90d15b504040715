// A Ready Player Me exchange against any reply, given twice if it asks twice: never a third
// request, no token that is too old or counts for more than 15 s, no key in a reason.
// Input: a first byte (how old the reply is, in tenths of a second), then a reply
// (reply_input.hpp).
#include "providers/token_rules.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/reply_input.hpp"

using namespace tb;
using namespace tb::providers;

namespace {

constexpr std::string_view api_key = "sk_test_0815/ab+\"q\"";

void check_minted(const Minted& minted, int status, const Clock& clock) {
    TB_ASSERT(status >= 200 && status < 300);
    TB_ASSERT(good_access_token(minted.access_token.view()));
    TB_ASSERT(minted.lifetime && *minted.lifetime <= Millis{15'000});
    TB_ASSERT(minted.sent_at + *minted.lifetime - clock.now() >= Millis{10'000});
    TB_ASSERT(!minted.new_grant && !minted.grant_lifetime);
}

}  // namespace

TB_JSON_INPUT(fuzz::body)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::StillClock clock;
    static fuzz::ZeroRandom random;
    if (size == 0) return 0;
    const BootTime sent_at = clock.now() - Millis{data[0] * 100};
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    ClientSettings client;
    client.base_url = "https://api.example.com";
    client.settings["partner"] = {std::string("demo"), "fuzz:1"};
    const SecretSet none;
    SecretSet client_secrets;
    client_secrets.set("api_key", Secret(api_key));
    const std::vector<std::pair<std::string, std::string>> attributes;
    Parameters parameters;
    parameters.emplace_back("user_id", "64943d471dc01e086ac887ee");
    const auto exchange = find_provider("readyplayerme")
                              ->begin({client, "avatars/app", attributes, none, client_secrets,
                                       parameters, false, Purpose::renew, clock, random});
    Step step = exchange->start();
    int status = 0;
    int sends = 0;
    while (const auto* send = std::get_if<Send>(&step)) {
        TB_ASSERT(++sends <= 2);
        TB_ASSERT(send->request.timeout > Millis{0} && send->request.timeout <= Millis{5'000});
        http::Reply reply = fuzz::reply_of(text, sent_at);
        status = reply.status;
        step = exchange->resume(std::move(reply));
    }
    TB_ASSERT(sends >= 1);
    const Done& done = std::get<Done>(step);
    if (const auto* minted = std::get_if<Minted>(&done)) {
        check_minted(*minted, status, clock);
        return 0;
    }
    const auto& failed = std::get<Failed>(done);
    fuzz::check_failed(failed, {api_key, "sk_test_0815%2Fab%2B%22q%22", "sk_test_0815/ab+\\\"q\\\"",
                                // as much of base64 as the whole key decides: 25 letters
                                "c2tfdGVzdF8wODE1L2FiKyJxI"});
    TB_ASSERT(!failed.new_grant && failed.failure != FailureClass::ambiguous);
    // Only a refusal of this one user is worth a login.
    if (failed.failure == FailureClass::reauth)
        TB_ASSERT(status == 403 && failed.scope == Failed::Scope::parameters);
    return 0;
}
