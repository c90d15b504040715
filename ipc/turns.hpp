// Whose turn it is on the thread that serves everybody. Each uid may do so much in one round
// (limits::frames_per_turn_max), as soon as it asks: an idle daemon serves at once. Beyond that its
// sessions queue up, and the uids with a queue have a slice each in turn. Between two slices the
// event loop looks at the sockets, and while others queue only a little is served at once: whoever
// asks for little waits for one slice at most, however many connections the others flood.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>

namespace tb::ipc {

class Session;

class Turns {
  public:
    // What the sessions of one uid share.
    struct Share {
        uid_t uid = 0;
        int sessions = 0;
        int spent = 0;            // in the round it was last looked at
        std::uint64_t round = 0;  // that round
        std::deque<std::weak_ptr<Session>> queue;
    };
    // `post` has the event loop call run_slice() soon, never at once.
    explicit Turns(std::function<void()> post) : post_(std::move(post)) {}

    // For each session one open() and one close().
    Share& open(uid_t uid);
    void close(Share& share);
    // May a session of this uid have its turn now? If not, it joins the queue.
    bool may_take(Share& share);
    // And one that has more to do after its turn? While anybody queues it queues too: what little
    // is served at once, round for round, would be less than its share.
    bool may_go_on(Share& share) { return ring_.empty() && may_take(share); }
    // How much it may do now, in frames.
    int allowance(Share& share);
    void join(Share& share, std::weak_ptr<Session> session);
    // What a turn cost, in frames; at least 1.
    void spend(Share& share, int cost);
    void run_slice();

  private:
    bool alone() const { return shares_.size() == 1; }
    void refresh(Share& share) const;
    void need_slice();

    std::function<void()> post_;
    std::map<uid_t, Share> shares_;  // of uids that are connected; addresses stay
    std::deque<Share*> ring_;        // those with a queue
    std::size_t left_in_round_ = 0;
    std::uint64_t round_ = 1;
    bool posted_ = false;
    Share* running_ = nullptr;  // whose slice it is
};

}  // namespace tb::ipc
