// GetInfo and GetInterfaceDescription. As strict about parameters as systemd: one that the method
// doesn't have is refused by its name.
#include "ipc/varlink_service.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

#include "ipc/replies.hpp"

namespace tb::ipc {
namespace {

constexpr std::string_view own_description =
    R"(# What every Varlink service answers: who it is, and which interfaces it has.
interface org.varlink.service

# Names the service and lists its interfaces.
method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

# The text of one of its interfaces.
method GetInterfaceDescription(interface: string) -> (description: string)

# No such interface here.
error InterfaceNotFound (interface: string)

# The interface has no such method.
error MethodNotFound (method: string)

# The interface has the method, this service doesn't do it.
error MethodNotImplemented (method: string)

# A parameter is missing, unknown, of the wrong type or out of range.
error InvalidParameter (parameter: string)

# The caller may not do this.
error PermissionDenied ()

# The method answers more than once: call it with "more".
error ExpectedMore ()
)";

boost::json::string_view to_json(std::string_view text) {
    return {text.data(), text.size()};
}

std::string info_of(const ServerOptions& options,
                    const std::vector<InterfaceDescription>& interfaces) {
    boost::json::array names;
    for (const auto& interface : interfaces)
        names.emplace_back(to_json(interface.name));
    boost::json::object info;
    info["vendor"] = options.vendor;
    info["product"] = options.product;
    info["version"] = options.version;
    info["url"] = options.url;
    info["interfaces"] = std::move(names);
    return proto::make_reply(info);
}

}  // namespace

VarlinkService::VarlinkService(const ServerOptions& options) {
    interfaces_.push_back({std::string(interface_name), std::string(own_description)});
    interfaces_.insert(interfaces_.end(), options.interfaces.begin(), options.interfaces.end());
    info_ = info_of(options, interfaces_);
}

bool VarlinkService::serves(std::string_view name) const {
    return std::ranges::find(interfaces_, name, &InterfaceDescription::name) != interfaces_.end();
}

std::string VarlinkService::answer(const proto::Call& call) const {
    if (call.method_name() == "GetInfo") {
        if (call.parameters.empty()) return info_;
        const auto key = call.parameters.begin()->key();
        return invalid_parameter({key.data(), key.size()});
    }
    if (call.method_name() == "GetInterfaceDescription") return describe(call);
    return method_not_found(call);
}

std::string VarlinkService::describe(const proto::Call& call) const {
    const boost::json::string* wanted = nullptr;
    for (const auto& member : call.parameters) {
        const std::string_view key(member.key().data(), member.key().size());
        if (key != "interface") return invalid_parameter(key);
        wanted = member.value().if_string();
    }
    if (wanted == nullptr) return invalid_parameter("interface");
    const std::string_view name(wanted->data(), wanted->size());
    const auto found = std::ranges::find(interfaces_, name, &InterfaceDescription::name);
    if (found == interfaces_.end()) return interface_not_found(name);
    boost::json::object reply;
    reply["description"] = to_json(found->description);
    return proto::make_reply(reply);
}

}  // namespace tb::ipc
