// org.varlink.service: what every Varlink service answers about itself. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ipc/server.hpp"
#include "proto/message.hpp"

namespace tb::ipc {

class VarlinkService {
  public:
    static constexpr std::string_view interface_name = "org.varlink.service";

    explicit VarlinkService(const ServerOptions& options);
    // An interface that this socket serves, this one included.
    bool serves(std::string_view name) const;
    // The reply to a call of org.varlink.service: a whole frame.
    std::string answer(const proto::Call& call) const;

  private:
    std::string describe(const proto::Call& call) const;

    std::vector<InterfaceDescription> interfaces_;
    std::string info_;  // the reply to GetInfo
};

}  // namespace tb::ipc
