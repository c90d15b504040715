// Anything an operator pastes: refused, or cleaned into what can be sent, once and for all; the
// complaint never repeats it.
#include "base/check.hpp"
#include "providers/provider.hpp"
#include "providers/token_rules.hpp"

using namespace tb;
using namespace tb::providers;

namespace {
void check(std::string_view name, std::string_view field, std::string_view pasted) {
    const Provider& provider = *find_provider(name);
    ClientSettings client;
    client.settings["mode"] = Setting{"entity", ""};  // PlayFab's; the others have no such setting
    const auto import = [&](std::string_view text) {
        SecretSet raw;
        raw.set(field, Secret(text));
        return provider.import_grant(client, {}, std::move(raw));
    };
    const auto imported = import(pasted);
    if (!imported) {
        TB_ASSERT(imported.error().code == errc::invalid_parameter);
        constexpr std::string_view canary = "rt_canary_0815";
        const auto longer = import(std::string(pasted) + std::string(canary));
        TB_ASSERT(longer || longer.error().message.find(canary) == std::string::npos);
        return;
    }
    const Secret* clean = imported->grant.find(field);
    TB_ASSERT(clean != nullptr && good_refresh_token(clean->view()));
    TB_ASSERT(pasted.find(clean->view()) != std::string_view::npos);
    const auto again = import(clean->view());
    TB_ASSERT(again && equal(*again->grant.find(field), *clean));
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check("threekit", "token", text);
    check("webroot", "refresh_token", text);
    check("immersve", "refresh_token", text);
    check("playfab", "entity_token", text);
    return 0;
}
