// Where streams wait to be read while many are busy: an epoll of our own, which waits in Asio's as
// one descriptor. Asio arms each wait by a system call (epoll_ctl); here a stream stays armed, and
// one call arms the whole crowd. That is a gain for many and a loss for few, whose wait would take
// two epoll_waits, so a stream waits by Asio until many others have their turns between its own,
// and the crowd keeps account of the calls it saved: where it saves none it sends its members back.
//
// What must stay true:
// - A member is a stream with a reader that waits, and nothing else: whoever stops waiting leaves.
//   So the crowd's epoll can be level-triggered, as Asio's waits are in effect, and no readiness is
//   ever remembered in a flag: nothing can be lost, and nothing spins.
// - The crowd owns the waits and by their handlers the coroutines, sessions and streams; a stream
//   only points at its wait. At the end of the io_context shutdown() destroys what still waits.
// - While nobody is here there is no epoll and no wait in Asio: io_context::run() can end.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>

#include "base/async.hpp"

namespace tb::ipc {

// One for each io_context, and its thread's own: asio::use_service<Crowd>(context).
class Crowd final : public asio::execution_context::service {
  public:
    // So many turns of others between two of one's own, so many times in a row, are a crowd. With
    // fewer streams than that the second epoll_wait costs about what it saves.
    static constexpr std::uint64_t others_min = 8;
    static constexpr std::uint8_t turns_among_others_min = 4;
    // Streams served before the event loop goes on: 0.1 ms of warm calls for whoever else waits for
    // the thread. Asio itself takes up to 128 at once.
    static constexpr int batch_max = 32;
    // The account is kept within these: a crowd that has lost that many calls sends everybody back,
    // and one with a good past needs no longer to see that it is over.
    static constexpr int calls_balance_max = 64;
    // Then nobody joins for so many turns of streams; twice as many each time in a row, since
    // coming and going cost calls too: among 1,000 clients that ask once a minute, at most 2 %.
    static constexpr std::uint64_t closed_turns_min = 1'024;
    static constexpr std::uint64_t closed_turns_max = 65'536;

    class Member;
    // A stream's wait.
    class Wait {
      public:
        virtual ~Wait() = default;
        // There may be something to read. Hung up: leaves, since Asio knows what to do then.
        virtual void ready(bool hung_up) = 0;
        // Of a wait that left because its stream was closed, from the event loop: it ends.
        virtual void closed() = 0;

      protected:
        // The member left, perhaps inside ready(); it may be gone.
        bool left() const { return member_ == nullptr; }

      private:
        friend class Crowd;
        Member* member_ = nullptr;
        std::list<std::unique_ptr<Wait>>::iterator place_;
    };
    // What the crowd knows of a stream.
    class Member {
      public:
        bool in_crowd() const { return wait_ != nullptr; }

      private:
        friend class Crowd;
        Wait* wait_ = nullptr;
        std::uint64_t last_turn_ = 0;
        std::uint8_t among_others_ = 0;  // turns in a row
    };

    using key_type = Crowd;
    static inline asio::execution_context::id id;

    explicit Crowd(asio::io_context& context);
    ~Crowd() override;

    // Of each turn to read, in the crowd or not.
    void note_turn(Member& member);
    bool wants(const Member& member) const;
    // False: the kernel has no room; nothing changed.
    bool join(Member& member, int socket, std::unique_ptr<Wait>& wait);
    // The socket is in no epoll then.
    std::unique_ptr<Wait> leave(Member& member, int socket);
    std::size_t size() const { return waits_.size(); }

  private:
    using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

    void shutdown() override;
    bool open();
    void close_if_empty();
    void arm();
    void serve();
    void settle(int served);
    std::unique_ptr<Wait> take(Wait& wait);

    std::list<std::unique_ptr<Wait>> waits_;
    Descriptor epoll_;  // open while anybody is here
    // What is being served. Whoever leaves is taken out of it.
    std::array<epoll_event, batch_max> batch_{};
    int batched_ = 0;
    std::uint64_t opened_ = 0;  // how often: an old wait of Asio's may still be on its way
    std::uint64_t turns_ = 0;
    std::uint64_t closed_until_ = 0;
    std::uint64_t closed_turns_ = closed_turns_min;
    int calls_balance_ = 0;
};

}  // namespace tb::ipc
