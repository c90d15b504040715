// The texts of proto/*.varlink, for org.varlink.service.GetInterfaceDescription.
#pragma once

#include <string_view>

namespace tb::proto {

extern const std::string_view tokens_varlink;
extern const std::string_view admin_varlink;

}  // namespace tb::proto
