// See errors.hpp.
#include "daemon/errors.hpp"

#include "base/http.hpp"
#include "ipc/replies.hpp"
#include "proto/message.hpp"

namespace tb::daemon {
namespace {
using boost::json::object;

std::string tokens(std::string_view name, const object& parameters) {
    return proto::make_error("io.tokenbroker.tokens." + std::string(name), parameters);
}
std::string admin(std::string_view name, const object& parameters) {
    return proto::make_error("io.tokenbroker.admin." + std::string(name), parameters);
}
// What the exchange said, or what follows from the state that stopped it.
std::string_view failure_class(const Error& error) {
    if (!error.failure.empty()) return error.failure;
    if (error.code == errc::login_required) return to_string(FailureClass::reauth);
    return to_string(error.code == errc::misconfigured ? FailureClass::config
                                                       : FailureClass::retry);
}

}  // namespace

std::string tokens_error(std::string_view account, const Error& error) {
    object parameters;
    parameters["account"] = account;
    switch (error.code) {
        case errc::unknown_account:
            return tokens("UnknownAccount", parameters);
        case errc::account_paused:
            return tokens("AccountPaused", parameters);
        case errc::login_required:
            parameters["reason"] = error.message;
            return tokens("LoginRequired", parameters);
        case errc::misconfigured:
            parameters["reason"] = error.message;
            return tokens("Misconfigured", parameters);
        case errc::lifetime_too_short:
            parameters["longest_ms"] = error.longest_ms.value_or(0);
            return tokens("LifetimeTooShort", parameters);
        case errc::too_many_requests: {
            object wait;
            wait["retry_after_ms"] = error.retry_after_ms.value_or(1'000);
            return tokens("TooManyRequests", wait);
        }
        case errc::invalid_parameter:
            return ipc::invalid_parameter(
                error.message.substr(0, error.message.find_first_of(": ")));
        default:
            break;
    }
    parameters["reason"] = error.message;
    if (error.retry_after_ms) parameters["retry_after_ms"] = *error.retry_after_ms;
    return tokens("ProviderUnavailable", parameters);
}

std::string admin_error(std::string_view account, const Error& error) {
    object parameters;
    switch (error.code) {
        case errc::unknown_account:
            parameters["account"] = account;
            return admin("UnknownAccount", parameters);
        case errc::account_exists:
            parameters["account"] = account;
            return admin("AccountExists", parameters);
        case errc::storage:
        case errc::damaged:
            parameters["reason"] = error.message;
            return admin("StoreUnavailable", parameters);
        case errc::invalid_parameter:
            return ipc::invalid_parameter(error.message);
        case errc::provider_unavailable:
        case errc::login_required:
        case errc::misconfigured:
        case errc::lifetime_too_short: {
            parameters["account"] = account;
            parameters["class"] = failure_class(error);
            parameters["reason"] = error.message;
            return admin("RenewalFailed", parameters);
        }
        default:
            break;
    }
    parameters["reason"] = error.message;
    return admin("Refused", parameters);
}

}  // namespace tb::daemon
