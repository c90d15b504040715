// One connection: one coroutine that reads, hands whole frames to the service in order, and sends
// all replies of one read in one send. See session.cpp for the states.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/async.hpp"
#include "ipc/byte_stream.hpp"
#include "ipc/core.hpp"
#include "ipc/service.hpp"
#include "ipc/unsent.hpp"
#include "proto/frame_reader.hpp"

namespace tb::ipc {

class PendingCall;

class Session final : public Connection,
                      private ByteStream::Reader,
                      public std::enable_shared_from_this<Session> {
  public:
    Session(std::shared_ptr<Core> core, std::uint64_t id, std::unique_ptr<ByteStream> stream,
            std::shared_ptr<const Caller> caller);
    ~Session() override;
    static awaitable<void> serve(std::shared_ptr<Session> session);

    // -- for the service --
    const Caller& caller() const override { return *caller_; }
    std::string& out() override;
    std::shared_ptr<Pending> defer() override;
    void close() override { closing_ = true; }

    // -- for the core --
    std::uint64_t id() const { return id_; }
    // No more calls are taken; what was received is answered, then the connection ends.
    void drain();
    // Ends the connection now. What nobody took is lost.
    void drop();
    BootTime waits_since() const { return waits_since_; }
    std::string_view waits_why() const;
    Turns::Share& share() const { return share_; }
    // The turn it queued for.
    void take_turn();

    // -- for the pending call --
    void deliver(std::string_view frame);
    void finished();  // the pending call had its last reply
    void wake();
    bool dropped() const { return dropped_; }
    // While a turn lasts, what it has for the client so far: that is sent at its end.
    std::size_t unsent_bytes() const;

  private:
    enum class Next : std::uint8_t { read, write, wait, yield, queue, end };
    // What we wait for from the client, within limits::slow_client_ms.
    enum class Waits : std::uint8_t { no, to_take_replies, to_end_a_frame };

    Next next();
    bool readable() override;
    void read_turn();
    void write_turn();
    void handle_frames(proto::FrameReader& reader);
    // What it cost, in warm calls.
    int dispatch(std::string_view frame);
    void dispatch_parsed(std::string_view frame);
    void refuse_frame(std::string_view why);
    void send_replies();
    void keep_rest(std::string_view rest);
    // Charges the memory that waits for this client to its uid; drops the session if that has too
    // much of it.
    void weigh();
    void queue();
    void note_waits(Waits waits);
    void watch_for_hang_up();
    void end();

    const std::shared_ptr<Core> core_;
    const std::shared_ptr<const Caller> caller_;
    const std::unique_ptr<ByteStream> stream_;
    Turns::Share& share_;
    std::shared_ptr<PendingCall> pending_;
    std::unique_ptr<proto::FrameReader> rest_;  // unfinished or not yet handled bytes, if any
    std::unique_ptr<Event> wake_;               // made with the first pending call
    Unsent unsent_;
    const std::uint64_t id_;
    BootTime waits_since_{};
    Waits waits_ = Waits::no;
    int held_bytes_ = 0;     // charged to the uid: rest_ and unsent_
    bool turn_due_ = false;  // there is something to read, but its uid had its share: it queues
    bool queued_ = false;
    bool progressed_ = false;  // the client sent a whole frame or took something: its time restarts
    bool dispatching_ = false;  // the replies go to core_->out()
    bool more_ = false;         // of the call being dispatched
    bool oneway_ = false;
    bool frames_left_ = false;  // the turn ended at a limit or a pending call: look at rest_ again
    bool read_ended_ = false;   // the client sends nothing more, but may still take answers
    bool closing_ = false;      // end after what is unsent
    bool dropped_ = false;      // the stream is closed
    bool hang_up_watched_ = false;
};

}  // namespace tb::ipc
