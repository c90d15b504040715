// What the sessions of one socket share: the service, the scratch buffers of the brain thread, the
// list of who is connected, the sweep for slow clients. Sessions and the accept loop keep it alive,
// so it may outlive its Server; after stop() it calls nobody any more.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/async.hpp"
#include "base/log.hpp"
#include "ipc/byte_stream.hpp"
#include "ipc/limits.hpp"
#include "ipc/line_budget.hpp"
#include "ipc/server.hpp"
#include "ipc/turns.hpp"
#include "ipc/varlink_service.hpp"
#include "proto/frame_reader.hpp"

namespace tb::ipc {

class Session;

class Core : public std::enable_shared_from_this<Core> {
  public:
    Core(asio::any_io_executor executor, const ServerOptions& options, Service& service,
         std::shared_ptr<Limits> limits, Clock& clock, Log& log);
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    bool adopt(std::unique_ptr<ByteStream> stream, Caller caller);
    awaitable<void> drain(BootTime until);
    // The Server is being destroyed: every connection is cut, no callback runs any more.
    void stop();
    std::size_t connections() const { return sessions_.size(); }

    // -- for sessions --
    const asio::any_io_executor& executor() const { return executor_; }
    Service& service() { return service_; }
    Clock& clock() { return clock_; }
    const VarlinkService& about() const { return about_; }
    bool draining() const { return draining_; }
    bool stopped() const { return stopped_; }
    // One for all, since a turn never suspends: `out` takes the replies of one turn, `reader` is
    // read into by whoever has no half frame of its own.
    std::string& out() { return out_; }
    proto::FrameReader& reader() { return reader_; }
    Turns& turns() { return turns_; }
    Limits& limits() { return *limits_; }
    void forget_replies();  // after each turn
    // One line about a client that broke the protocol or was dropped, unless there were many.
    void complain(const Caller& caller, std::string_view what);
    // This session waits for its client: the sweep looks at it once a second.
    void watch(Session& session);
    void unwatch(const Session& session);
    void remove(const Session& session);

  private:
    struct Refused {
        std::unique_ptr<ByteStream> stream;
        BootTime since;
    };
    void wipe_replies();
    void refuse(std::unique_ptr<ByteStream> stream, const Caller& caller);
    void drop_all();
    void arm_sweep();
    void post_slice();
    void sweep();

    asio::any_io_executor executor_;
    Service& service_;
    std::shared_ptr<Limits> limits_;
    Clock& clock_;
    Log& log_;
    VarlinkService about_;
    std::string out_;
    std::size_t written_ = 0;  // how far into out_ replies lie that were not wiped
    proto::FrameReader reader_;
    // By id, in the order of connecting: the simulation replays, so no order by address.
    std::map<std::uint64_t, Session*> sessions_;
    std::map<std::uint64_t, Session*> watched_;
    std::deque<Refused> refused_;
    LineBudget lines_;
    Event all_gone_;
    Turns turns_;
    std::uint64_t next_id_ = 1;
    Clock::TimerId sweep_timer_ = 0;
    bool draining_ = false;
    bool stopped_ = false;
};

}  // namespace tb::ipc
