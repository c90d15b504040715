// One TCP connection to the first of several addresses that answers. The next address is tried
// when one fails, or after next_address_ms while the earlier ones go on: a black-holed address
// costs 300 ms, not the deadline. close() ends it at once; it never outlives its attempts.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"

namespace tb::net {

struct Connected {
    std::optional<asio::ip::tcp::socket> socket;
    std::string error;  // of the last attempt that failed
};

class ConnectRace : public std::enable_shared_from_this<ConnectRace> {
  public:
    ConnectRace(asio::any_io_executor executor, Clock& clock);
    awaitable<Connected> run(std::vector<asio::ip::tcp::endpoint> endpoints);
    void close();

  private:
    bool decided() const { return closed_ || result_.socket.has_value(); }
    static awaitable<void> attempt(std::shared_ptr<ConnectRace> race,
                                   asio::ip::tcp::endpoint endpoint);

    asio::any_io_executor executor_;
    Clock& clock_;
    Event changed_;
    Connected result_;
    std::vector<std::shared_ptr<asio::ip::tcp::socket>> open_;
    std::size_t running_ = 0;
    std::size_t failed_ = 0;
    bool closed_ = false;
};

}  // namespace tb::net
