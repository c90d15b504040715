// The real ByteStream. Plain recv and send, and Asio only to wait: a warm call costs epoll_wait,
// recv, send and the epoll_ctl that arms the next wait. Among many busy streams it waits in the
// crowd (crowd.hpp), which saves that epoll_ctl and what Asio does for each wait. The socket has
// the io_context's own executor, not the polymorphic one, which would cost each wait as much as the
// read itself.
//
// What must stay true: the socket is in the crowd's epoll exactly while its reader waits there;
// else in Asio's, or after the crowd in none until the next wait. Who hangs up is Asio's to say: a
// stream that leaves the crowd is watched again.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/append.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "ipc/byte_stream.hpp"
#include "ipc/crowd.hpp"

namespace tb::ipc {
namespace {

using Executor = asio::io_context::executor_type;

class SocketStream final : public ByteStream {
  public:
    SocketStream(const Executor& executor, UniqueFd socket)
        : socket_(executor, asio::local::stream_protocol(), socket.release()),
          crowd_(asio::use_service<Crowd>(executor.context())),
          fd_(socket_.native_handle()) {
        boost::system::error_code ignored;  // a socket that can't do this fails at its first read
        socket_.native_non_blocking(true, ignored);
    }
    ~SocketStream() override { shut(); }

    Step try_read(std::span<char> into) override {
        TB_ASSERT(!into.empty());
        for (;;) {
            const ssize_t n = ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT);
            if (n > 0) return {static_cast<std::size_t>(n), false};
            if (n == 0) return {0, true};
            if (errno == EINTR) continue;
            return {0, errno != EAGAIN};
        }
    }

    Step try_send(std::string_view bytes) override {
        for (;;) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n >= 0) return {static_cast<std::size_t>(n), false};
            if (errno == EINTR) continue;
            return {0, errno != EAGAIN};
        }
    }

    awaitable<Waited> wait_readable(Reader& reader) override {
        return asio::async_initiate<Token, void(boost::system::error_code)>(
            [this](auto handler, Reader* each) {
                wait(Turns<decltype(handler)>{this, each, std::move(handler)});
            },
            token_, &reader);
    }
    awaitable<Waited> wait_writable() override {
        return by_asio().async_wait(Socket::wait_write, Token());
    }

    void when_hung_up(std::function<void()> callback) override {
        TB_ASSERT(!hung_up_);
        hung_up_ = std::make_shared<std::function<void()>>(std::move(callback));
        if (!member_.in_crowd()) watch_for_hang_up();
    }

    void stop_reading() override { ::shutdown(fd_, SHUT_RD); }

    void close() override { shut(); }

  private:
    using Socket = asio::basic_stream_socket<asio::local::stream_protocol, Executor>;
    using Token = asio::as_tuple_t<asio::use_awaitable_t<>>;

    // Waits, has the reader read, waits again. It owns the coroutine that waits for it, by its
    // handler, and so the stream too.
    template <class Handler>
    struct Turns {
        using executor_type = Executor;
        executor_type get_executor() const { return stream->socket_.get_executor(); }
        // Any other error is Asio's trouble with the socket; the next read says what it means.
        void operator()(boost::system::error_code error) {
            if (error != asio::error::operation_aborted && stream->fd_ >= 0 && read()) {
                SocketStream& self = *stream;
                return self.wait(std::move(*this));
            }
            finish(error);
        }
        bool read() {
            stream->crowd_.note_turn(stream->member_);
            return reader->readable();
        }
        void finish(boost::system::error_code error) {
            const auto executor = asio::get_associated_executor(handler);
            asio::dispatch(executor, asio::append(std::move(handler), error));
        }
        SocketStream* stream;
        Reader* reader;
        Handler handler;
    };

    template <class Handler>
    class InCrowd final : public Crowd::Wait {
      public:
        explicit InCrowd(Turns<Handler> turns) : turns_(std::move(turns)) {}
        // After a hang-up Asio goes on, which knows whom to tell.
        void ready(bool hung_up) override {
            const bool more = hung_up || turns_.read();
            if (left()) return;  // closed meanwhile: closed() comes
            SocketStream& self = *turns_.stream;
            if (more && !hung_up && self.crowd_.wants(self.member_)) return;
            const auto own = self.leave_crowd();
            if (more)
                self.wait(std::move(turns_));
            else
                turns_.finish({});
        }
        void closed() override { turns_.finish(asio::error::operation_aborted); }
        Turns<Handler> take() { return std::move(turns_); }

      private:
        Turns<Handler> turns_;
    };

    template <class Handler>
    void wait(Turns<Handler>&& turns) {
        if (!crowd_.wants(member_))
            return by_asio().async_wait(Socket::wait_read, std::move(turns));
        auto waiting = std::make_unique<InCrowd<Handler>>(std::move(turns));
        auto& here = *waiting;
        std::unique_ptr<Crowd::Wait> in_crowd = std::move(waiting);
        if (!crowd_.join(member_, fd_, in_crowd))
            return by_asio().async_wait(Socket::wait_read, here.take());
        boost::system::error_code ignored;
        (void)socket_.release(ignored);
    }

    // If the kernel has no room to watch it once more, it ends here: Asio says an error to all
    // who wait, and they read and write no further than this.
    Socket& by_asio() {
        if (socket_.is_open() || fd_ < 0) return socket_;
        boost::system::error_code error;
        socket_.assign(asio::local::stream_protocol(), fd_, error);
        if (error) ::shutdown(fd_, SHUT_RDWR);
        return socket_;
    }

    std::unique_ptr<Crowd::Wait> leave_crowd() {
        auto wait = crowd_.leave(member_, fd_);
        if (hung_up_) watch_for_hang_up();
        return wait;
    }

    // EPOLLHUP of a Unix socket means that both directions are shut down, which is what a peer's
    // close() does; its shutdown(SHUT_WR) alone doesn't.
    void watch_for_hang_up() {
        by_asio().async_wait(Socket::wait_error, [this, callback = hung_up_](auto error) {
            if (error || !*callback) return;  // then `this` may be gone
            if (!hung_up()) return watch_for_hang_up();
            hung_up_.reset();
            std::exchange(*callback, nullptr)();
        });
    }
    // Asio keeps what it knows of a socket in memory that it uses again: a hang-up that it had yet
    // to tell of a closed one can be told of the next to come to Asio, if both are in one turn.
    bool hung_up() const {
        pollfd state{fd_, POLLPRI, 0};
        return ::poll(&state, 1, 0) > 0;
    }

    void shut() {
        if (fd_ < 0) return;
        if (const auto callback = std::exchange(hung_up_, nullptr)) *callback = nullptr;
        if (member_.in_crowd())
            asio::post(socket_.get_executor(),
                       [wait = crowd_.leave(member_, fd_)] { wait->closed(); });
        boost::system::error_code ignored;
        if (socket_.is_open())
            socket_.close(ignored);
        else
            ::close(fd_);
        fd_ = -1;
    }

    Socket socket_;  // open while it is in Asio's epoll
    Crowd& crowd_;
    Crowd::Member member_;
    std::shared_ptr<std::function<void()>> hung_up_;  // emptied when it may not run any more
    int fd_;                                          // -1: closed
    Token token_;
};

}  // namespace

std::unique_ptr<ByteStream> create_socket_stream(asio::any_io_executor executor, UniqueFd socket) {
    return std::make_unique<SocketStream>(*executor.target<Executor>(), std::move(socket));
}

}  // namespace tb::ipc
