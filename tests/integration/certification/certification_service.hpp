// org.varlink.certification on our own server library: each client walks through the tests in
// order; each call must bring exactly what the reply before it held.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "ipc/service.hpp"

namespace tb::certification {

class CertificationService final : public ipc::Service {
  public:
    bool fast_call(ipc::Connection&, std::string_view) override { return false; }
    void call(ipc::Connection& connection, const proto::Call& call) override;

  private:
    std::string start(const proto::Call& call);

    std::map<std::string, std::size_t> next_step_;  // by client_id
    int clients_ = 0;
};

}  // namespace tb::certification
