// Varlink server on Unix sockets: accepts, identifies, frames, limits, answers org.varlink.service,
// calls the Service.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "base/unique_fd.hpp"
#include "ipc/byte_stream.hpp"
#include "ipc/service.hpp"

namespace tb::ipc {

struct InterfaceDescription {
    std::string name;         // "io.tokenbroker.tokens"
    std::string description;  // the .varlink text
};

struct ServerOptions {
    std::string vendor = "token broker";
    std::string product = "tokenbrokerd";
    std::string version = TB_VERSION;
    std::string url = "https://tokenbroker.example/";
    std::vector<InterfaceDescription> interfaces;  // of this socket; org.varlink.service is added
};

// Counts over all sockets of the process: per-uid and total limits.
class Limits;  // ipc/limits.hpp
std::shared_ptr<Limits> create_limits();

class Server {
  public:
    virtual ~Server() = default;
    // Stops accepting and reading; what clients managed to send is answered, then their connections
    // end. Calls that stream are not waited for. At `until` the rest is cut. Resumes when all are
    // gone. Before a Server is destroyed, drain it: the destructor cuts every connection and runs
    // no callback of the service or a Pending any more.
    virtual awaitable<void> drain(BootTime until) = 0;
    virtual std::size_t connections() const = 0;
    // A connection that was not accepted here: from a test, or a simulation with invented callers.
    // False: a limit, or the server is draining; the client is told, the stream is closed.
    virtual bool adopt(std::unique_ptr<ByteStream> stream, Caller caller) = 0;
};

// Without a listener: only what is adopted. `listener` is made non-blocking.
std::unique_ptr<Server> create_server(asio::any_io_executor brain, UniqueFd listener,
                                      ServerOptions options, Service& service,
                                      std::shared_ptr<Limits> limits, Clock& clock, Log& log);

// A listener of our own where systemd gave none. Removes a stale socket; errc::locked if somebody
// answers on it.
Result<UniqueFd> listen_unix(const std::string& path, unsigned mode, std::string group = {});
// The listeners that systemd handed in, by FileDescriptorName. Clears LISTEN_* from the
// environment.
std::vector<std::pair<std::string, UniqueFd>> take_systemd_listeners();
// Is it a listening Unix stream socket? Somebody may have put anything into the socket unit. Error:
// config, with what it is instead.
Result<void> check_listener(int listener_fd);
// For an admin listener: nobody but root, the owner and the socket's group may connect. Error names
// the path and mode.
Result<void> check_admin_listener(int listener_fd);

}  // namespace tb::ipc
