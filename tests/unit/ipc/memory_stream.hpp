// A ByteStream without descriptors: the test puts bytes in and looks at what was sent. Counts the
// steps, since a step is a system call in the real one.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "ipc/byte_stream.hpp"

namespace tb::ipc::test {

// What the test sees of it; outlives the stream.
struct Wire {
    explicit Wire(const asio::any_io_executor& executor) : changed(executor) {}
    std::string in;              // not yet read by the server
    std::string sent;            // by the server
    std::size_t room = 1 << 30;  // how much more the client takes
    bool in_ended = false;
    bool closed = false;  // by the server
    int reads = 0;
    int sends = 0;
    std::function<void()> hung_up;
    Event changed;

    void put(std::string_view bytes) {
        in += bytes;
        changed.notify_all();
    }
};

class MemoryStream final : public ByteStream {
  public:
    explicit MemoryStream(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
    ~MemoryStream() override { wire_->closed = true; }

    Step try_read(std::span<char> into) override {
        ++wire_->reads;
        if (wire_->closed) return {0, true};
        const std::size_t n = std::min(into.size(), wire_->in.size());
        std::copy_n(wire_->in.begin(), n, into.begin());
        wire_->in.erase(0, n);
        return {n, n == 0 && wire_->in_ended};
    }
    Step try_send(std::string_view bytes) override {
        ++wire_->sends;
        if (wire_->closed) return {0, true};
        const std::size_t n = std::min(bytes.size(), wire_->room);
        wire_->sent += bytes.substr(0, n);
        wire_->room -= n;
        return {n, false};
    }
    awaitable<Waited> wait_readable(Reader& reader) override { return read_by(&reader); }
    awaitable<Waited> wait_writable() override {
        while (wire_->room == 0 && !wire_->closed)
            co_await wire_->changed.wait();
        co_return Waited();
    }
    void when_hung_up(std::function<void()> callback) override {
        wire_->hung_up = std::move(callback);
    }
    void stop_reading() override {
        wire_->in_ended = true;
        wire_->changed.notify_all();
    }
    void close() override {
        wire_->closed = true;
        wire_->hung_up = {};
        wire_->changed.notify_all();
    }

  private:
    awaitable<Waited> read_by(Reader* reader) {
        do {
            while (wire_->in.empty() && !wire_->in_ended && !wire_->closed)
                co_await wire_->changed.wait();
        } while (!wire_->closed && reader->readable());
        co_return Waited();
    }
    std::shared_ptr<Wire> wire_;
};

}  // namespace tb::ipc::test
