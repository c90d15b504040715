// See turns.hpp. What must stay true: a share is in the ring exactly while its queue isn't empty,
// but for the one whose slice it is; while any share is spent or queued, a slice is posted, so the
// round goes on. Of a uid that is alone nothing is asked: there is nobody to share with, and what
// it spent meanwhile only makes it queue, and so post a slice, when another comes.
#include "ipc/turns.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "ipc/session.hpp"

namespace tb::ipc {
namespace {
// A warm call and a parsed one: what a client without a backlog asks for.
constexpr int at_once_while_others_queue = limits::parsed_frame_weight + 1;
}  // namespace

Turns::Share& Turns::open(uid_t uid) {
    Share& share = shares_[uid];
    share.uid = uid;
    ++share.sessions;
    return share;
}

void Turns::close(Share& share) {
    TB_ASSERT(share.sessions > 0);
    if (--share.sessions > 0) return;
    std::erase(ring_, &share);  // its queue holds only sessions that ended
    shares_.erase(share.uid);
}

void Turns::refresh(Share& share) const {
    if (share.round == round_) return;
    share.round = round_;
    share.spent = 0;
}

int Turns::allowance(Share& share) {
    if (alone()) return limits::frames_per_turn_max;
    refresh(share);
    const bool others_queue = !ring_.empty() && running_ == nullptr;
    return (others_queue ? at_once_while_others_queue : limits::frames_per_turn_max) - share.spent;
}

bool Turns::may_take(Share& share) {
    return share.queue.empty() && allowance(share) > 0;
}

void Turns::join(Share& share, std::weak_ptr<Session> session) {
    if (share.queue.empty() && running_ != &share) ring_.push_back(&share);
    share.queue.push_back(std::move(session));
    need_slice();
}

void Turns::spend(Share& share, int cost) {
    refresh(share);
    share.spent += cost;
    if (share.spent >= limits::frames_per_turn_max && !alone()) need_slice();
}

void Turns::need_slice() {
    if (!std::exchange(posted_, true)) post_();
}

void Turns::run_slice() {
    posted_ = false;
    if (!ring_.empty()) {
        Share& share = *ring_.front();
        ring_.pop_front();
        share.round = round_;
        share.spent = 0;
        running_ = &share;
        while (!share.queue.empty() && share.spent < limits::frames_per_turn_max) {
            const auto session = share.queue.front().lock();
            share.queue.pop_front();
            if (session) session->take_turn();
        }
        running_ = nullptr;
        if (!share.queue.empty()) ring_.push_back(&share);
    }
    if (left_in_round_ > 1) {
        --left_in_round_;
    } else {
        ++round_;
        left_in_round_ = ring_.size();
    }
    if (!ring_.empty()) need_slice();
}

}  // namespace tb::ipc
