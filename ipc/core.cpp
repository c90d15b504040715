// The list of connections, who gets in, and the sweep. What must stay true: a session is in
// sessions_ from adopt() to the end of its coroutine, and its uid is charged exactly that long.
#include "ipc/core.hpp"

#include <string.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/limits.hpp"
#include "ipc/replies.hpp"
#include "ipc/session.hpp"

namespace tb::ipc {
namespace {
constexpr Millis sweep_every_ms{1'000};
// A turn's replies stop growing at reply_bytes_per_turn_max and one frame; larger ones (a long
// status) give their memory back.
constexpr std::size_t out_bytes_kept = limits::reply_bytes_per_turn_max + limits::frame_bytes_max;
}  // namespace

Core::Core(asio::any_io_executor executor, const ServerOptions& options, Service& service,
           std::shared_ptr<Limits> limits, Clock& clock, Log& log)
    : executor_(std::move(executor)),
      service_(service),
      limits_(std::move(limits)),
      clock_(clock),
      log_(log),
      about_(options),
      lines_(limits::client_log_lines_per_minute),
      all_gone_(executor_),
      turns_([this] { post_slice(); }) {
    out_.reserve(out_bytes_kept);  // so that it doesn't grow, leaving tokens in freed memory
}

Core::~Core() {
    wipe_replies();
}

// Not wiped after each turn: for 16 replies that would cost more than all else. The next turn
// writes over them, and the end of any connection wipes what is left.
void Core::forget_replies() {
    written_ = std::max(written_, out_.size());
    out_.clear();
    if (out_.capacity() <= 2 * out_bytes_kept) return;
    wipe_replies();
    out_.shrink_to_fit();
    out_.reserve(out_bytes_kept);
}

void Core::wipe_replies() {
    out_.resize(std::max(std::exchange(written_, 0), out_.size()));
    ::explicit_bzero(out_.data(), out_.size());
    out_.clear();
}

bool Core::adopt(std::unique_ptr<ByteStream> stream, Caller caller) {
    if (draining_ || stopped_) {
        stream->close();
        return false;
    }
    if (!limits_->add_connection(caller.uid)) {
        refuse(std::move(stream), caller);
        return false;
    }
    auto session = std::make_shared<Session>(shared_from_this(), next_id_++, std::move(stream),
                                             std::make_shared<const Caller>(std::move(caller)));
    sessions_.emplace(session->id(), session.get());
    spawn(executor_, "ipc session", Session::serve(std::move(session)));
    return true;
}

void Core::refuse(std::unique_ptr<ByteStream> stream, const Caller& caller) {
    complain(caller, "refused: too many connections");
    (void)stream->try_send(too_many_requests(1'000));
    if (refused_.size() >= limits::refused_connections_kept) refused_.pop_front();
    refused_.push_back({std::move(stream), clock_.now()});
    arm_sweep();
}

void Core::remove(const Session& session) {
    wipe_replies();
    limits_->remove_connection(session.caller().uid);
    turns_.close(session.share());
    sessions_.erase(session.id());
    watched_.erase(session.id());
    if (sessions_.empty()) all_gone_.notify_all();
}

void Core::complain(const Caller& caller, std::string_view what) {
    if (stopped_ || !lines_.take(clock_.now())) return;
    const int left_out = lines_.left_out();
    if (left_out > 0)
        log_.info("socket: {}: {} ({} more lines like this left out)", caller.describe(), what,
                  left_out);
    else
        log_.info("socket: {}: {}", caller.describe(), what);
}

awaitable<void> Core::drain(BootTime until) {
    const auto self = shared_from_this();
    draining_ = true;
    refused_.clear();
    for (const auto& [id, session] : sessions_)
        session->drain();
    Deadline deadline(clock_, until, [self] { self->drop_all(); });
    while (!sessions_.empty())
        co_await all_gone_.wait();
}

void Core::drop_all() {
    for (const auto& [id, session] : sessions_)
        session->drop();
}

void Core::stop() {
    stopped_ = true;
    if (sweep_timer_ != 0) clock_.cancel(std::exchange(sweep_timer_, 0));
    refused_.clear();
    drop_all();
}

void Core::post_slice() {
    asio::post(executor_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->turns_.run_slice();
    });
}

void Core::watch(Session& session) {
    watched_.emplace(session.id(), &session);
    arm_sweep();
}

void Core::unwatch(const Session& session) {
    watched_.erase(session.id());
}

void Core::arm_sweep() {
    if (sweep_timer_ != 0 || stopped_) return;
    sweep_timer_ = clock_.call_at(clock_.now() + sweep_every_ms, [this] { sweep(); });
}

void Core::sweep() {
    sweep_timer_ = 0;
    const BootTime now = clock_.now();
    while (!refused_.empty() && now - refused_.front().since >= limits::refused_connection_kept_ms)
        refused_.pop_front();
    for (const auto& [id, session] : watched_) {
        if (now - session->waits_since() < limits::slow_client_ms) continue;
        complain(session->caller(), session->waits_why());
        session->drop();
    }
    if (!watched_.empty() || !refused_.empty()) arm_sweep();
}

}  // namespace tb::ipc
