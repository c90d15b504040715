// A small blocking Varlink client for the `tokenbroker` command and tests.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace tb::ipc {

struct CallError {
    std::string name;  // "io.tokenbroker.tokens.UnknownAccount"
    boost::json::object parameters;
};
// Either parameters or a Varlink error.
struct CallReply {
    boost::json::object parameters;
    std::optional<CallError> error;
    bool continues = false;
};

class Client {
  public:
    // Error: io, with the path and why ("no such file: is tokenbrokerd running?").
    static Result<Client> connect(const std::string& socket_path);
    // timeout: the whole call.
    Result<CallReply> call(std::string_view method, boost::json::object parameters, int timeout_ms);
    // With "more"; `each` returns false to stop (the connection is then closed).
    Result<void> call_more(std::string_view method, boost::json::object parameters,
                           std::function<bool(CallReply)> each);

  private:
    UniqueFd fd_;
    std::string buffer_;
};

// --socket, then TOKENBROKER_SOCKET, then the user socket if it exists, then the system one.
// `admin`: admin.sock beside it.
std::string default_socket(const std::string& option, bool admin);

}  // namespace tb::ipc
