// The Server: a Core and the loop that accepts for it. What must stay true: the loop never spins,
// whatever accept() says, and one burst of connections doesn't keep the thread from those it has.
#include "ipc/server.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/limits.hpp"
#include "ipc/core.hpp"

namespace tb::ipc {
namespace {

class Acceptor : public std::enable_shared_from_this<Acceptor> {
  public:
    Acceptor(const asio::any_io_executor& executor, UniqueFd listener, std::shared_ptr<Core> core,
             Clock& clock, Log& log)
        : core_(std::move(core)),
          clock_(clock),
          log_(log),
          listener_(executor, listener.release()),
          resume_(executor) {
        boost::system::error_code ignored;  // a listener that can't do this fails at accept
        listener_.native_non_blocking(true, ignored);
    }

    static awaitable<void> serve(std::shared_ptr<Acceptor> acceptor) {
        Acceptor& self = *acceptor;
        while (!self.closed_) {
            co_await self.listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                                               asio::as_tuple(asio::use_awaitable));
            if (self.closed_ || self.accept_some()) continue;
            // Each connection that waits for us would wake us at once: look again a little later.
            Event& resume = self.resume_;
            Deadline pause(self.clock_, self.clock_.now() + limits::accept_pause_ms,
                           [&resume] { resume.notify_all(); });
            while (!pause.expired() && !self.closed_)
                co_await resume.wait();
        }
    }

    void close() {
        closed_ = true;
        boost::system::error_code ignored;
        listener_.close(ignored);
        resume_.notify_all();
    }

  private:
    // False: accept() can't now.
    bool accept_some() {
        for (int i = 0; i < limits::accepts_per_turn_max; ++i) {
            UniqueFd fd(::accept4(listener_.native_handle(), nullptr, nullptr,
                                  SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!fd) {
                if (errno == EAGAIN) return true;
                if (errno == EINTR || errno == ECONNABORTED) continue;
                complain("accept", std::strerror(errno));
                return false;
            }
            admit(std::move(fd));
        }
        return true;
    }

    void admit(UniqueFd fd) {
        auto caller = identify(fd.get());
        if (!caller) return complain("a connection was closed", caller.error().message);
        (void)core_->adopt(create_socket_stream(core_->executor(), std::move(fd)),
                           std::move(*caller));
    }

    void complain(std::string_view what, std::string_view why) {
        if (!lines_.take(clock_.now())) return;
        log_.warning("socket: {}: {} ({} such since the last line)", what, why, lines_.left_out());
    }

    const std::shared_ptr<Core> core_;
    Clock& clock_;
    Log& log_;
    asio::posix::stream_descriptor listener_;
    Event resume_;
    LineBudget lines_{1};
    bool closed_ = false;
};

class ServerImpl final : public Server {
  public:
    ServerImpl(const asio::any_io_executor& brain, UniqueFd listener, const ServerOptions& options,
               Service& service, std::shared_ptr<Limits> limits, Clock& clock, Log& log)
        : core_(std::make_shared<Core>(brain, options, service, std::move(limits), clock, log)) {
        if (!listener) return;
        acceptor_ = std::make_shared<Acceptor>(brain, std::move(listener), core_, clock, log);
        spawn(brain, "ipc accept", Acceptor::serve(acceptor_));
    }
    ~ServerImpl() override {
        if (acceptor_) acceptor_->close();
        core_->stop();
    }

    awaitable<void> drain(BootTime until) override {
        if (acceptor_) acceptor_->close();
        return core_->drain(until);
    }
    std::size_t connections() const override { return core_->connections(); }
    bool adopt(std::unique_ptr<ByteStream> stream, Caller caller) override {
        return core_->adopt(std::move(stream), std::move(caller));
    }

  private:
    std::shared_ptr<Core> core_;
    std::shared_ptr<Acceptor> acceptor_;
};

}  // namespace

std::unique_ptr<Server> create_server(asio::any_io_executor brain, UniqueFd listener,
                                      ServerOptions options, Service& service,
                                      std::shared_ptr<Limits> limits, Clock& clock, Log& log) {
    return std::make_unique<ServerImpl>(brain, std::move(listener), options, service,
                                        std::move(limits), clock, log);
}

}  // namespace tb::ipc
