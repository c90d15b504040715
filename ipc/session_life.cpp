// A session's pending call, its waiting and its end.
#include <utility>

#include "base/check.hpp"
#include "ipc/pending_call.hpp"
#include "ipc/replies.hpp"
#include "ipc/session.hpp"

namespace tb::ipc {

std::shared_ptr<Pending> Session::defer() {
    TB_ASSERT(dispatching_ && !pending_);
    pending_ = std::make_shared<PendingCall>(*this, caller_, core_->executor(), more_, oneway_);
    if (!wake_) wake_ = std::make_unique<Event>(core_->executor());
    watch_for_hang_up();
    return pending_;
}

void Session::finished() {
    pending_.reset();
    wake();
}

void Session::wake() {
    if (wake_) wake_->notify_all();
}

// While a call is pending nothing is read, so the end of the stream is not seen: but a hang-up is.
// Armed once and left; it ends with the stream.
void Session::watch_for_hang_up() {
    if (std::exchange(hang_up_watched_, true)) return;
    stream_->when_hung_up([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->pending_) self->drop();
        if (self) self->hang_up_watched_ = false;
    });
}

void Session::drain() {
    if (dropped_) return;
    stream_->stop_reading();
    wake();
}

void Session::drop() {
    if (std::exchange(dropped_, true)) return;
    stream_->close();
    unsent_.clear();
    wake();
}

void Session::weigh() {
    if (dropped_) return;
    const std::size_t memory = (rest_ ? rest_->memory() : 0) + unsent_.memory();
    const int bytes = static_cast<int>(memory);
    if (bytes == held_bytes_) return;
    if (bytes < held_bytes_) {
        core_->limits().remove_bytes(caller_->uid, held_bytes_ - bytes);
        held_bytes_ = bytes;
    } else if (core_->limits().add_bytes(caller_->uid, bytes - held_bytes_)) {
        held_bytes_ = bytes;
    } else {
        core_->complain(*caller_,
                        "dropped: its user's half messages and untaken replies are too many");
        if (unsent_.empty()) (void)stream_->try_send(too_many_requests(1'000));
        drop();
    }
}

void Session::note_waits(Waits waits) {
    const bool progressed = std::exchange(progressed_, false);
    if (waits == waits_ && (waits == Waits::no || !progressed)) return;
    waits_ = waits;
    if (waits == Waits::no) return core_->unwatch(*this);
    waits_since_ = core_->clock().now();
    core_->watch(*this);
}

std::string_view Session::waits_why() const {
    return waits_ == Waits::to_take_replies ? "dropped: took no byte of a reply for 10 s"
                                            : "dropped: left half a message for 10 s";
}

void Session::end() {
    drop();
    const bool silent = core_->stopped();
    core_->limits().remove_bytes(caller_->uid, std::exchange(held_bytes_, 0));
    if (const auto pending = std::exchange(pending_, nullptr)) pending->lose(silent);
    if (!silent) core_->service().closed(*this);
    core_->remove(*this);
}

}  // namespace tb::ipc
