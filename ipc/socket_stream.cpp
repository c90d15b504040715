// The real ByteStream. Plain recv and send, and Asio only to wait: a warm call costs epoll_wait,
// recv, send and the epoll_ctl that arms the next wait. The socket has the io_context's own
// executor, not the polymorphic one, which would cost each wait as much as the read itself.
#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/append.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
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
        : socket_(*executor.target<asio::io_context::executor_type>(),
                  asio::local::stream_protocol(), socket.release()) {
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

    awaitable<Waited> wait_readable(Reader& reader) override {
        return asio::async_initiate<Token, void(boost::system::error_code)>(
            [this](auto handler, Reader* each) {
                socket_.async_wait(Socket::wait_read,
                                   Turns<decltype(handler)>{this, each, std::move(handler)});
            },
            token_, &reader);
    }
    awaitable<Waited> wait_writable() override {
        return socket_.async_wait(Socket::wait_write, Token());
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
    using Executor = asio::io_context::executor_type;
    using Socket = asio::basic_stream_socket<asio::local::stream_protocol, Executor>;
    using Token = asio::as_tuple_t<asio::use_awaitable_t<>>;

    // Waits, has the reader read, waits again. It owns the coroutine that waits for it, by its
    // handler, and so the stream too.
    template <class Handler>
    struct Turns {
        using executor_type = Executor;
        executor_type get_executor() const { return stream->socket_.get_executor(); }
        void operator()(boost::system::error_code error) {
            if (!error && reader->readable()) {
                SocketStream& self = *stream;
                self.socket_.async_wait(Socket::wait_read, std::move(*this));
                return;
            }
            const auto executor = asio::get_associated_executor(handler);
            asio::dispatch(executor, asio::append(std::move(handler), error));
        }
        SocketStream* stream;
        Reader* reader;
        Handler handler;
    };

    Socket socket_;
    Token token_;
};

}  // namespace

std::unique_ptr<ByteStream> create_socket_stream(asio::any_io_executor executor, UniqueFd socket) {
    return std::make_unique<SocketStream>(std::move(executor), std::move(socket));
}

}  // namespace tb::ipc
