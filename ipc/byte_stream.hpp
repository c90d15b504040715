// The ByteStream seam: one connected byte stream, as a session needs it. By readiness, not by
// completion: while a session waits, no buffer is lent to anybody, so an idle connection costs no
// read buffer. The real one is a Unix socket (socket_stream.cpp); the simulation makes pairs.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>

#include "base/async.hpp"
#include "base/unique_fd.hpp"

namespace tb::ipc {

class ByteStream {
  public:
    // What one step moved. Nothing moved and not ended: it would block. Ended: nothing will ever
    // move again in this direction (end of the stream, reset, closed).
    struct Step {
        std::size_t bytes = 0;
        bool ended = false;
    };
    // What is done each time there may be something to read.
    class Reader {
      public:
        // Takes what there is by try_read. False: wait no longer.
        virtual bool readable() = 0;

      protected:
        ~Reader() = default;
    };
    // The error says nothing that the next step doesn't: nobody looks at it. It is there because
    // this is what Asio hands out without a coroutine frame of its own.
    using Waited = std::tuple<boost::system::error_code>;

    virtual ~ByteStream() = default;
    virtual Step try_read(std::span<char> into) = 0;
    virtual Step try_send(std::string_view bytes) = 0;
    // Calls reader.readable() each time try_read may move something or has ended. Resumes when it
    // says false, and soon after close(). The coroutine stays where it is meanwhile: resuming it
    // for each request would cost as much as all else that a read does.
    virtual awaitable<Waited> wait_readable(Reader& reader) = 0;
    // Resumes when try_send may move something or has ended, and soon after close(). At most one of
    // the two is waited for at a time.
    virtual awaitable<Waited> wait_writable() = 0;
    // `callback` runs once when nobody is there any more to take an answer: the peer closed. Not
    // when it only shut down its sending half. Never inside another call, never after close().
    virtual void when_hung_up(std::function<void()> callback) = 0;
    // What has arrived can still be read; then try_read says ended. The peer can send no more.
    virtual void stop_reading() = 0;
    virtual void close() = 0;
};

// A connected Unix socket; made non-blocking.
std::unique_ptr<ByteStream> create_socket_stream(asio::any_io_executor executor, UniqueFd socket);

}  // namespace tb::ipc
