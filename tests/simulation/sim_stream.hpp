// A connection in memory: the daemon's end is a ByteStream, the other end belongs to a simulated
// caller that can send in pieces, read late, close one half or vanish.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ipc/byte_stream.hpp"

namespace tb::sim {

// What both ends share.
struct Wire {
    explicit Wire(const asio::any_io_executor& brain)
        : readable(brain), writable(brain), executor(brain) {}
    std::string to_daemon;
    std::string to_caller;
    std::size_t room = 256 * 1024;  // of to_caller, like a socket's buffer
    bool caller_shut = false;       // no more bytes to the daemon
    bool caller_gone = false;
    bool daemon_gone = false;
    Event readable;
    Event writable;
    std::function<void()> hung_up;
    std::function<void()> arrived;  // the caller's: bytes or the end
    asio::any_io_executor executor;
};

std::unique_ptr<ipc::ByteStream> daemon_end(std::shared_ptr<Wire> wire);

void caller_send(const std::shared_ptr<Wire>& wire, std::string_view bytes);
std::string caller_take(const std::shared_ptr<Wire>& wire);
void caller_close(const std::shared_ptr<Wire>& wire);

}  // namespace tb::sim
