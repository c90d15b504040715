// What providers have in common: names, look-ups, and the defaults of what few of them override.
#include "providers/provider.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "providers/login.hpp"

namespace tb::providers {

std::string_view to_string(Policy policy) {
    switch (policy) {
        case Policy::automatic:
            return "automatic";
        case Policy::ahead:
            return "ahead";
        case Policy::when_used:
            return "when_used";
        case Policy::on_demand:
            return "on_demand";
        case Policy::static_token:
            return "static";
    }
    return "?";
}

std::string_view to_string(LoginFlow flow) {
    switch (flow) {
        case LoginFlow::code:
            return "code";
        case LoginFlow::device:
            return "device";
        case LoginFlow::password:
            return "password";
    }
    return "?";
}

const std::string* Parameters::find(std::string_view name) const {
    for (const auto& [key, value] : *this)
        if (key == name) return &value;
    return nullptr;
}

std::vector<Mistake> Provider::warnings(const ClientSettings&) const {
    return {};
}

std::vector<std::string> Provider::client_secret_names(const ClientSettings&) const {
    return {};
}

std::shared_ptr<const Prepared> Provider::prepare(const ClientSettings&) const {
    return nullptr;
}

std::vector<LoginFlow> Provider::login_flows(const ClientSettings&) const {
    return {};
}

std::unique_ptr<Login> Provider::begin_login(Context, LoginRequest) const {
    return nullptr;  // login_flows() is empty, so nobody asks
}

Result<void> Provider::check_parameters(const ClientSettings& client,
                                        const std::vector<std::pair<std::string, std::string>>&,
                                        const Parameters& parameters) const {
    const std::vector<std::string> accepted = traits(client).parameters;
    for (const auto& [key, value] : parameters) {
        if (std::find(accepted.begin(), accepted.end(), key) != accepted.end()) continue;
        std::string all;
        for (const std::string& one : accepted)
            all += (all.empty() ? "" : ", ") + one;
        return Error{errc::invalid_parameter,
                     fmt::format("parameters.{}: accounts of client {} take {}", key, client.name,
                                 all.empty() ? "no parameters" : "only " + all)};
    }
    return {};
}

}  // namespace tb::providers
