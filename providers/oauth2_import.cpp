// Grants as operators hand them over: line ends go, anything else that is no grant is refused.
#include <fmt/format.h>

#include <algorithm>

#include "base/limits.hpp"
#include "providers/oauth2_exchange.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

Error refuse(std::string text) {
    return {errc::invalid_parameter, std::move(text)};
}

Secret without_line_end(const Secret& value) {
    std::string_view text = value.view();
    while (text.ends_with('\n') || text.ends_with('\r'))
        text.remove_suffix(1);
    return Secret(text);
}

Result<void> check_field(std::string_view name, std::string_view value) {
    if (value.size() > limits::secret_bytes_max)
        return refuse(fmt::format("{} is longer than {} bytes", name, limits::secret_bytes_max));
    if (name != "refresh_token") return {};
    if (!good_refresh_token(value))
        return refuse(
            "the refresh token holds a line break, a control character or a letter "
            "beyond ASCII; give exactly the value of refresh_token");
    if (value.starts_with('{') || value.find(' ') != std::string_view::npos)
        return refuse(
            "this looks like more than a refresh token (JSON, or several words); "
            "give exactly the value of refresh_token");
    return {};
}

Error unknown_field(std::string_view name, std::string_view provider, const Setup& setup) {
    if (setup.grant == Grant::client_credentials)
        return refuse(
            fmt::format("grant field {}: an account with grant = \"client_credentials\" has no "
                        "secret of its own; add it without one",
                        name));
    const bool password = provider == "webroot" && (name == "password" || name == "username");
    return refuse(fmt::format("grant field {} is not one of a {} account{}", name, provider,
                              password ? "; it needs password_grant = true in the client" : ""));
}

}  // namespace

std::vector<std::string> grant_fields(const Setup& setup) {
    if (setup.grant == Grant::client_credentials) return {};
    if (setup.password_grant) return {"refresh_token", "username", "password"};
    return {"refresh_token"};
}

Result<Imported> import_grant(const Setup& setup, std::string_view provider, SecretSet raw) {
    const std::vector<std::string> fields = grant_fields(setup);
    Imported imported;
    for (const auto& [name, value] : raw.list()) {
        if (std::find(fields.begin(), fields.end(), name) == fields.end())
            return unknown_field(name, provider, setup);
        Secret clean = without_line_end(*value);
        if (clean.empty()) continue;
        if (auto good = check_field(name, clean.view()); !good) return good.error();
        imported.grant.set(name, std::move(clean));
    }
    if (setup.grant == Grant::client_credentials) return imported;
    if (imported.grant.find("refresh_token") != nullptr) {
        imported.grant_lifetime = setup.refresh_ttl;
        return imported;
    }
    if (imported.grant.find("username") != nullptr && imported.grant.find("password") != nullptr) {
        imported.notices.emplace_back(
            "no refresh token given; the first renewal uses the password");
        return imported;
    }
    return refuse("the refresh token is empty");
}

}  // namespace tb::providers::oauth2
