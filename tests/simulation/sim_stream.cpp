// See sim_stream.hpp. Callbacks are posted, never run inside the call that caused them.
#include "tests/simulation/sim_stream.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace tb::sim {
namespace {

void post(const std::shared_ptr<Wire>& wire, const std::function<void()>& callback) {
    if (callback) asio::post(wire->executor, callback);
}

class DaemonEnd final : public ipc::ByteStream {
  public:
    explicit DaemonEnd(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
    ~DaemonEnd() override { DaemonEnd::close(); }

    Step try_read(std::span<char> into) override {
        if (wire_->daemon_gone) return {0, true};
        const std::size_t n = std::min(into.size(), wire_->to_daemon.size());
        std::copy_n(wire_->to_daemon.begin(), n, into.begin());
        wire_->to_daemon.erase(0, n);
        const bool end = n == 0 && (wire_->caller_shut || wire_->caller_gone || stopped_);
        return {n, end};
    }
    Step try_send(std::string_view bytes) override {
        if (wire_->daemon_gone || wire_->caller_gone) return {0, true};
        const std::size_t room = wire_->room - std::min(wire_->room, wire_->to_caller.size());
        const std::size_t n = std::min(room, bytes.size());
        wire_->to_caller.append(bytes.substr(0, n));
        if (n > 0) post(wire_, wire_->arrived);
        return {n, false};
    }
    awaitable<Waited> wait_readable(Reader& reader) override { return read_by(&reader); }
    awaitable<Waited> wait_writable() override {
        const auto ready = [this] {
            return wire_->to_caller.size() < wire_->room || wire_->caller_gone ||
                   wire_->daemon_gone;
        };
        while (!ready())
            co_await wire_->writable.wait();
        co_return Waited{};
    }
    void when_hung_up(std::function<void()> callback) override {
        wire_->hung_up = std::move(callback);
        if (wire_->caller_gone) post(wire_, wire_->hung_up);
    }
    void stop_reading() override {
        stopped_ = true;
        wire_->readable.notify_all();
    }
    void close() override {
        wire_->daemon_gone = true;
        wire_->hung_up = nullptr;
        wire_->readable.notify_all();
        wire_->writable.notify_all();
        post(wire_, wire_->arrived);
    }

  private:
    awaitable<Waited> read_by(Reader* reader) {
        const auto ready = [this] {
            return !wire_->to_daemon.empty() || wire_->caller_shut || wire_->caller_gone ||
                   wire_->daemon_gone || stopped_;
        };
        do {
            while (!ready())
                co_await wire_->readable.wait();
        } while (!wire_->daemon_gone && reader->readable());
        co_return Waited{};
    }
    std::shared_ptr<Wire> wire_;
    bool stopped_ = false;
};

}  // namespace

std::unique_ptr<ipc::ByteStream> daemon_end(std::shared_ptr<Wire> wire) {
    return std::make_unique<DaemonEnd>(std::move(wire));
}

void caller_send(const std::shared_ptr<Wire>& wire, std::string_view bytes) {
    if (wire->caller_gone || wire->caller_shut || wire->daemon_gone) return;
    wire->to_daemon.append(bytes);
    wire->readable.notify_all();
}

std::string caller_take(const std::shared_ptr<Wire>& wire) {
    std::string taken = std::move(wire->to_caller);
    wire->to_caller.clear();
    wire->writable.notify_all();
    return taken;
}

void caller_close(const std::shared_ptr<Wire>& wire) {
    if (wire->caller_gone) return;
    wire->caller_gone = true;
    wire->arrived = nullptr;
    post(wire, wire->hung_up);
    wire->readable.notify_all();
    wire->writable.notify_all();
}

}  // namespace tb::sim
