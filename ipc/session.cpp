// The session's loop. It waits for one thing at a time, and next() says for which, in this order:
//   write  the client hasn't taken a reply yet: nothing else is read or handled until it has
//   wait   a call is answered later (Pending): the calls behind it stay where they are, most of
//          them in the kernel, so a client that sends on is held back at no cost to us
//   yield  more whole frames are here than one turn may handle
//   queue  its uid had what it may have while others wait; the turn comes by Turns
//   read   idle; a whole request and its replies are one turn, in which the coroutine isn't resumed
// What must stay true: replies go out in the order of their calls; at most one Pending; a turn
// (read_turn, handle_frames) never suspends, which is why all sessions can share its buffers; the
// callbacks on_drained and on_gone run from the event loop, never inside another call.
#include "ipc/session.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "ipc/pending_call.hpp"
#include "ipc/replies.hpp"

namespace tb::ipc {

Session::Session(std::shared_ptr<Core> core, std::uint64_t id, std::unique_ptr<ByteStream> stream,
                 std::shared_ptr<const Caller> caller)
    : core_(std::move(core)),
      caller_(std::move(caller)),
      stream_(std::move(stream)),
      share_(core_->turns().open(caller_->uid)),
      id_(id) {}

Session::~Session() = default;

awaitable<void> Session::serve(std::shared_ptr<Session> session) {
    Session& self = *session;
    if (!self.core_->stopped()) self.core_->service().opened(self);
    for (;;) {
        const Next next = self.next();
        if (next == Next::read) {
            co_await self.stream_->wait_readable(self);
        } else if (next == Next::write) {
            co_await self.stream_->wait_writable();
            self.write_turn();
        } else if (next == Next::wait) {
            co_await self.wake_->wait();
        } else if (next == Next::yield) {
            co_await asio::post(asio::use_awaitable);
            if (self.dropped_) continue;
            if (self.core_->turns().may_go_on(self.share_))
                self.handle_frames(*self.rest_);
            else
                self.turn_due_ = true;
        } else if (next == Next::queue) {
            self.queue();
            co_await self.wake_->wait();
        } else {
            break;
        }
    }
    self.end();
}

Session::Next Session::next() {
    // Before anything else is looked at: the callback may stream, finish or drop.
    if (const auto pending = pending_) pending->run_drained();
    if (dropped_) return Next::end;
    if (!unsent_.empty()) {
        note_waits(Waits::to_take_replies);
        return Next::write;
    }
    const bool pending = pending_ != nullptr && !closing_;
    if (pending && !(core_->draining() && pending_->more())) {
        note_waits(Waits::no);
        return Next::wait;
    }
    if (pending || closing_) return Next::end;
    if (turn_due_) return Next::queue;
    if (frames_left_) return Next::yield;
    if (read_ended_) return Next::end;
    note_waits(rest_ ? Waits::to_end_a_frame : Waits::no);
    return Next::read;
}

bool Session::readable() {
    if (core_->turns().may_take(share_))
        read_turn();
    else
        turn_due_ = true;
    return next() == Next::read;
}

void Session::queue() {
    if (!wake_) wake_ = std::make_unique<Event>(core_->executor());
    if (!std::exchange(queued_, true)) core_->turns().join(share_, weak_from_this());
}

void Session::take_turn() {
    queued_ = turn_due_ = false;
    if (dropped_) return;
    if (frames_left_)
        handle_frames(*rest_);
    else
        read_turn();
    if (next() == Next::yield)
        queue();  // behind the others of its uid; the coroutine stays where it is
    else
        wake();
}

void Session::read_turn() {
    if (dropped_) return;
    proto::FrameReader& reader = rest_ ? *rest_ : core_->reader();
    const ByteStream::Step step = stream_->try_read(reader.space());
    read_ended_ = step.ended;
    if (step.bytes == 0) return;
    if (reader.feed(step.bytes)) {
        handle_frames(reader);
        return;
    }
    core_->turns().spend(share_, limits::frames_per_turn_max);
    refuse_frame("sent a message larger than 64 KiB; connection closed");
    if (!rest_) core_->reader() = proto::FrameReader();
}

void Session::write_turn() {
    if (dropped_) return;
    const ByteStream::Step step = stream_->try_send(unsent_.view());
    if (step.ended) return drop();
    if (step.bytes == 0) return;
    unsent_.take(step.bytes);
    progressed_ = true;
    weigh();
}

void Session::handle_frames(proto::FrameReader& reader) {
    frames_left_ = false;
    dispatching_ = true;
    const int most = std::max(core_->turns().allowance(share_), 1);
    int cost = 0;
    for (;;) {
        frames_left_ =
            pending_ || cost >= most || core_->out().size() >= limits::reply_bytes_per_turn_max;
        if (closing_ || frames_left_) break;
        const auto frame = reader.next();
        if (!frame) break;
        progressed_ = true;
        cost += dispatch(*frame);
    }
    dispatching_ = false;
    core_->turns().spend(share_, std::max(cost, 1));
    frames_left_ = frames_left_ && !reader.empty();
    if (reader.empty()) {
        rest_.reset();
    } else if (!rest_) {
        rest_ = std::make_unique<proto::FrameReader>(std::move(reader));
        reader = proto::FrameReader();
    }
    send_replies();
    weigh();
}

int Session::dispatch(std::string_view frame) {
    more_ = oneway_ = false;
    if (core_->service().fast_call(*this, frame)) return 1;
    dispatch_parsed(frame);
    return limits::parsed_frame_weight +
           static_cast<int>(frame.size() / limits::frame_bytes_of_one_weight);
}

void Session::dispatch_parsed(std::string_view frame) {
    const auto call = proto::parse_call(frame);
    if (!call) {
        return refuse_frame("sent a " + call.error().message + "; connection closed");
    }
    more_ = call->more;
    oneway_ = call->oneway;
    std::string& out = core_->out();
    const std::size_t before = out.size();
    const std::string_view interface_name = call->interface_name();
    if (interface_name.empty())
        out += invalid_parameter("method");
    else if (!core_->about().serves(interface_name))
        out += interface_not_found(interface_name);
    else if (call->upgrade)
        out += method_not_implemented(*call);
    else if (interface_name == VarlinkService::interface_name)
        out += core_->about().answer(*call);
    else
        core_->service().call(*this, *call);
    if (oneway_) out.resize(before);
}

void Session::refuse_frame(std::string_view why) {
    core_->complain(*caller_, why);
    closing_ = true;
}

std::string& Session::out() {
    TB_ASSERT(dispatching_);
    return core_->out();
}

void Session::send_replies() {
    std::string& out = core_->out();
    if (!out.empty() && !dropped_) {
        const ByteStream::Step step = stream_->try_send(out);
        if (step.ended)
            drop();
        else if (step.bytes < out.size())
            keep_rest(std::string_view(out).substr(step.bytes));
    }
    core_->forget_replies();
}

void Session::deliver(std::string_view frame) {
    if (dropped_) return;
    if (dispatching_) {
        core_->out().append(frame);
        return;
    }
    if (!unsent_.empty()) return keep_rest(frame);
    const ByteStream::Step step = stream_->try_send(frame);
    if (step.ended) return drop();
    if (step.bytes == frame.size()) return;
    keep_rest(frame.substr(step.bytes));
    wake();
}

std::size_t Session::unsent_bytes() const {
    return dispatching_ ? core_->out().size() : unsent_.size();
}

void Session::keep_rest(std::string_view rest) {
    unsent_.append(rest);
    if (unsent_.size() > limits::unsent_bytes_max) {
        core_->complain(*caller_, "dropped: more than 1 MiB of replies not taken");
        drop();
    } else {
        weigh();
    }
}

}  // namespace tb::ipc
