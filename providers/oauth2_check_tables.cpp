// The tables and lists of an oauth2 section: parameters, headers, where members of a reply are,
// what its codes mean. Whatever ends up in a request is refused here if it could change its
// meaning.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "providers/json_pointer.hpp"
#include "providers/oauth2_check.hpp"
#include "providers/oauth2_setup.hpp"
#include "providers/scrub.hpp"
#include "providers/token_rules.hpp"

namespace tb::providers::oauth2 {
namespace {

using Table = std::map<std::string, std::string>;
using List = std::vector<std::string>;

// What a request has by itself: twice it would be refused, or worse, believed.
bool is_our_param(std::string_view name) {
    static constexpr std::array<std::string_view, 19> ours = {"grant_type",
                                                              "client_id",
                                                              "client_secret",
                                                              "client_assertion",
                                                              "scope",
                                                              "refresh_token",
                                                              "client_assertion_type",
                                                              "code",
                                                              "redirect_uri",
                                                              "code_verifier",
                                                              "code_challenge",
                                                              "state",
                                                              "response_type",
                                                              "code_challenge_method",
                                                              "device_code",
                                                              "username",
                                                              "password",
                                                              "token",
                                                              "token_type_hint"};
    return std::find(ours.begin(), ours.end(), name) != ours.end();
}

bool is_secret_param(std::string_view name) {
    static constexpr std::array<std::string_view, 5> endings = {"secret", "password", "_token",
                                                                "_key", "assertion"};
    return std::any_of(endings.begin(), endings.end(),
                       [&](std::string_view end) { return name.ends_with(end); });
}

bool is_token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_our_header(std::string_view name) {
    static constexpr std::array<std::string_view, 12> ours = {
        "authorization", "proxy-authorization", "host",       "content-length",
        "content-type",  "transfer-encoding",   "connection", "accept",
        "upgrade",       "accept-encoding",     "expect",     "user-agent"};
    return std::any_of(ours.begin(), ours.end(),
                       [&](std::string_view one) { return equal_ignoring_case(one, name); });
}

void check_extras(const ClientSettings& client, SettingsCheck& check) {
    for (const std::string_view key : {"extra_params", "auth_params", "device_params"}) {
        const auto* table = client.get<Table>(key);
        if (table == nullptr) continue;
        for (const auto& [name, value] : *table) {
            check.plain(key, name);
            check.plain(key, value);
            if (name.empty() || is_our_param(name))
                check.add(key, fmt::format("holds \"{}\", which a request has by itself; take it "
                                           "out",
                                           shown(name)));
            else if (is_secret_param(name))
                check.add(key, fmt::format("holds \"{}\", a secret in the clear, which this file "
                                           "must not hold",
                                           shown(name)));
        }
    }
    const auto* headers = client.get<Table>("extra_headers");
    if (headers == nullptr) return;
    for (const auto& [name, value] : *headers) {
        check.plain("extra_headers", value);
        if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_char))
            check.add("extra_headers",
                      fmt::format("holds \"{}\", which is no header's name", shown(name)));
        else if (is_our_header(name))
            check.add("extra_headers",
                      fmt::format("holds {}, which is not set there{}", name,
                                  equal_ignoring_case(name, "user-agent") ? "; use user_agent"
                                                                          : "; take it out"));
    }
}

void check_replies(const ClientSettings& client, SettingsCheck& check) {
    static constexpr std::array<std::string_view, 9> places = {
        "access",     "refresh", "expires_in", "expires_at",       "refresh_expires_in",
        "token_type", "scope",   "error",      "error_description"};
    if (const auto* fields = client.get<Table>("fields")) {
        for (const auto& [name, pointer] : *fields) {
            if (std::find(places.begin(), places.end(), name) == places.end())
                check.add("fields", fmt::format("holds \"{}\"; it may hold {}", shown(name),
                                                fmt::join(places, ", ")));
            else if (!good_pointer(pointer) || (name == "access" && pointer.empty()))
                check.add("fields", fmt::format("{} is no JSON pointer; right would be "
                                                "\"/data/{}\"",
                                                name, name));
        }
    }
    const auto each = [&](std::string_view key, auto parse, std::string_view right) {
        const auto* list = client.get<List>(key);
        if (list == nullptr) return;
        if (list->empty()) check.add(key, fmt::format("is empty; right would be {}", right));
        for (const std::string& one : *list)
            if (!parse(one))
                check.add(key, fmt::format("holds \"{}\"; right would be {}", shown(one), right));
    };
    each("expiry", parse_expiry,
         "\"expires_in\", \"expires_at\", \"jwt_exp\", \"fixed:SECONDS\" or \"reactive\"");
    each("success_statuses", parse_success_status, "statuses as strings, as [\"200\", \"201\"]");
    if (const auto* map = client.get<Table>("error_map"))
        for (const auto& [code, meaning] : *map)
            if (code.empty() || !parse_meaning(meaning))
                check.add("error_map",
                          fmt::format("says \"{}\" = \"{}\"; right would be \"retry\", "
                                      "\"reauth\", \"config\" or \"never\"",
                                      shown(code), shown(meaning)));
}

}  // namespace

std::string shown(std::string_view text) {
    return Scrubber().clean(text);
}

void check_tables(const ClientSettings& client, SettingsCheck& check) {
    check_extras(client, check);
    check_replies(client, check);
}

}  // namespace tb::providers::oauth2
