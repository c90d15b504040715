// The errors of org.varlink.service and the few of ours that every interface needs, as whole frames
// with their NUL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ipc/service.hpp"
#include "proto/message.hpp"

namespace tb::ipc {

std::string interface_not_found(std::string_view interface_name);
std::string method_not_found(const proto::Call& call);
std::string method_not_implemented(const proto::Call& call);
std::string invalid_parameter(std::string_view name);
std::string permission_denied();
std::string expected_more();
std::string too_many_requests(std::int64_t retry_after_ms);

// For a method that streams: a call without "more" is answered here, and the method returns.
bool says_more(Connection& connection, const proto::Call& call);

}  // namespace tb::ipc
