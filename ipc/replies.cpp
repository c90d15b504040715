// Error frames that more than one place sends.
#include "ipc/replies.hpp"

namespace tb::ipc {
namespace {
std::string service_error(std::string_view name, std::string_view key, std::string_view value) {
    boost::json::object parameters;
    if (!key.empty()) parameters[key] = boost::json::string_view(value.data(), value.size());
    return proto::make_error(std::string("org.varlink.service.").append(name), parameters);
}
}  // namespace

std::string interface_not_found(std::string_view interface_name) {
    return service_error("InterfaceNotFound", "interface", interface_name);
}

std::string method_not_found(const proto::Call& call) {
    return service_error("MethodNotFound", "method", call.method);
}

std::string method_not_implemented(const proto::Call& call) {
    return service_error("MethodNotImplemented", "method", call.method);
}

std::string invalid_parameter(std::string_view name) {
    return service_error("InvalidParameter", "parameter", name);
}

std::string permission_denied() {
    return service_error("PermissionDenied", {}, {});
}

std::string expected_more() {
    return service_error("ExpectedMore", {}, {});
}

bool says_more(Connection& connection, const proto::Call& call) {
    if (call.more) return true;
    connection.out() += expected_more();
    return false;
}

std::string too_many_requests(std::int64_t retry_after_ms) {
    boost::json::object parameters;
    parameters["retry_after_ms"] = retry_after_ms;
    return proto::make_error("io.tokenbroker.tokens.TooManyRequests", parameters);
}

}  // namespace tb::ipc
