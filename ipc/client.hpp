// A small blocking Varlink client for the `tokenbroker` command and tests.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/limits.hpp"
#include "base/unique_fd.hpp"
#include "proto/frame_reader.hpp"

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
    // Error: io, with the path and why ("no such file: is tokenbrokerd running?");
    // permission_denied if the socket's mode keeps us out.
    static Result<Client> connect(const std::string& socket_path);
    // A connection that somebody else made, on which one call was sent: await_reply comes next.
    static Client adopt(UniqueFd fd, std::string socket_path) {
        return Client(std::move(fd), std::move(socket_path));
    }
    Result<CallReply> await_reply(std::string_view method, int timeout_ms);
    // timeout: the whole call; 0 or less: none. Errors: timed_out, closed (the daemon went away),
    // protocol, io. After an error the connection is closed, since a late answer would be taken for
    // the next call's; further calls say closed.
    Result<CallReply> call(std::string_view method, boost::json::object parameters, int timeout_ms);
    // With "more", without a deadline; `each` returns false to stop (the connection is then
    // closed). A Varlink error comes through `each` as well, as the last reply.
    Result<void> call_more(std::string_view method, boost::json::object parameters,
                           std::function<bool(CallReply)> each);

  private:
    Client(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    Result<void> send(std::string_view method, const boost::json::object& parameters, bool more,
                      int timer_fd);
    Result<CallReply> receive(std::string_view method, int timer_fd);
    Result<void> wait(short events, int timer_fd, std::string_view method);
    Error lost(std::string_view method, errc code, std::string_view why);

    UniqueFd fd_;
    std::string path_;
    proto::FrameReader reader_{limits::client_reply_bytes_max};
};

// --socket, then TOKENBROKER_SOCKET, then the user socket if it exists, then the system one.
// `admin`: admin.sock beside it.
std::string default_socket(const std::string& option, bool admin);

}  // namespace tb::ipc
