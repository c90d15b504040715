// The attempts are coroutines of their own that hold the race; losing sockets are closed, and their
// attempts end by that.
#include "net/connect_race.hpp"

#include <fmt/core.h>

#include <utility>

#include "base/limits.hpp"

namespace tb::net {

using asio::ip::tcp;

ConnectRace::ConnectRace(asio::any_io_executor executor, Clock& clock)
    : executor_(executor), clock_(clock), changed_(executor) {}

awaitable<Connected> ConnectRace::run(std::vector<tcp::endpoint> endpoints) {
    const auto self = shared_from_this();
    for (const tcp::endpoint& endpoint : endpoints) {
        if (decided()) break;
        const std::size_t failed_before = failed_;
        ++running_;
        spawn(executor_, "net connect", attempt(self, endpoint));
        Deadline next(clock_, clock_.now() + limits::next_address_ms,
                      [this] { changed_.notify_all(); });
        while (!decided() && failed_ == failed_before && !next.expired())
            co_await changed_.wait();
    }
    while (!decided() && running_ > 0)
        co_await changed_.wait();
    Connected result = std::move(result_);
    close();
    co_return result;
}

void ConnectRace::close() {
    closed_ = true;
    boost::system::error_code ignored;
    for (const auto& socket : open_)
        socket->close(ignored);
    open_.clear();
    changed_.notify_all();
}

awaitable<void> ConnectRace::attempt(std::shared_ptr<ConnectRace> race, tcp::endpoint endpoint) {
    const auto socket = std::make_shared<tcp::socket>(race->executor_);
    race->open_.push_back(socket);
    const auto [error] =
        co_await socket->async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
    --race->running_;
    if (error) {
        ++race->failed_;
        race->result_.error =
            fmt::format("{}: {}", endpoint.address().to_string(), error.message());
    } else if (!race->decided()) {
        boost::system::error_code ignored;
        socket->set_option(tcp::no_delay(true), ignored);
        race->result_.socket.emplace(std::move(*socket));
    }
    race->changed_.notify_all();
}

}  // namespace tb::net
