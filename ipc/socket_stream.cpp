// The real ByteStream. Plain recv and send, and Asio only to wait: a warm call costs epoll_wait,
// recv, send and the epoll_ctl that arms the next wait. The socket's executor has the same type as
// the coroutine's, or Asio would post each completion through the polymorphic one.
#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "ipc/byte_stream.hpp"

namespace tb::ipc {
namespace {

class SocketStream final : public ByteStream {
  public:
    SocketStream(const asio::any_io_executor& executor, UniqueFd socket)
        : socket_(executor, asio::local::stream_protocol(), socket.release()) {
        boost::system::error_code ignored;  // a socket that can't do this fails at its first read
        socket_.native_non_blocking(true, ignored);
    }

    Step try_read(std::span<char> into) override {
        TB_ASSERT(!into.empty());
        for (;;) {
            const ssize_t n =
                ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
            if (n > 0) return {static_cast<std::size_t>(n), false};
            if (n == 0) return {0, true};
            if (errno == EINTR) continue;
            return {0, errno != EAGAIN};
        }
    }

    Step try_send(std::string_view bytes) override {
        for (;;) {
            const ssize_t n = ::send(socket_.native_handle(), bytes.data(), bytes.size(),
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n >= 0) return {static_cast<std::size_t>(n), false};
            if (errno == EINTR) continue;
            return {0, errno != EAGAIN};
        }
    }

    awaitable<Waited> wait_readable() override {
        return socket_.async_wait(Socket::wait_read, asio::as_tuple(asio::use_awaitable));
    }
    awaitable<Waited> wait_writable() override {
        return socket_.async_wait(Socket::wait_write, asio::as_tuple(asio::use_awaitable));
    }

    // EPOLLHUP of a Unix socket means that both directions are shut down, which is what a peer's
    // close() does; its shutdown(SHUT_WR) alone doesn't.
    void when_hung_up(std::function<void()> callback) override {
        socket_.async_wait(Socket::wait_error,
                           [callback = std::move(callback)](boost::system::error_code error) {
                               if (!error) callback();
                           });
    }

    void stop_reading() override { ::shutdown(socket_.native_handle(), SHUT_RD); }

    void close() override {
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

  private:
    using Socket = asio::local::stream_protocol::socket;
    Socket socket_;
};

}  // namespace

std::unique_ptr<ByteStream> create_socket_stream(asio::any_io_executor executor, UniqueFd socket) {
    return std::make_unique<SocketStream>(std::move(executor), std::move(socket));
}

}  // namespace tb::ipc
