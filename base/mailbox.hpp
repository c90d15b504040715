// How other threads hand things to the brain, and how the brain does its own longer work: one piece
// each time around its loop, so that it looks at its sockets in between. What must stay true: of
// all mailboxes of one loop, one item runs before the sockets are looked at again. A store that
// answers thirty commits at once would else have every reader wait for the ends of thirty renewals.
//
// Other threads ring by an eventfd, not by asio::post: that rings while it holds the lock that the
// woken loop takes first, so each time the brain woke up only to sleep again until that was let go.
#pragma once

#include <memory>

#include "base/async.hpp"

namespace tb {

class Mailbox {
  public:
    // What is handed over. Made and dropped on the brain, and in between another thread's: so no
    // thread gives back memory that another one took, whose lock it might have to wait for.
    class Item {
      public:
        virtual ~Item() = default;
        virtual void run() = 0;
    };

    // The mailbox of that loop, an io_context: all that are made for it are one.
    explicit Mailbox(const asio::any_io_executor& brain);

    // On the brain, before an item goes to another thread: the loop doesn't end until it was put.
    void expect();
    // From any thread, which keeps no reference, once for each expect(): item->run() is called on
    // the brain, after all that was put before it, never inside this call.
    void put(std::shared_ptr<Item> item);
    // On the brain: what follows is a piece of its own.
    awaitable<void> turn();

  private:
    class Queue;

    Queue* queue_;  // the loop's
    asio::any_io_executor brain_;
};

}  // namespace tb
