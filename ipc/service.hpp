// What stands between a socket and the daemon: sessions call a Service once for each whole frame,
// in order, on the brain. The warm path answers at once into Connection::out(); a call that must
// wait takes a Pending and answers through it later.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ipc/caller.hpp"
#include "proto/message.hpp"

namespace tb::ipc {

// A call that is answered later. Shared by the session and whoever answers; every method is
// harmless after the client is gone.
class Pending {
  public:
    virtual ~Pending() = default;
    // A reply with "continues": a whole frame with its NUL. Only for calls that said more.
    virtual void stream(std::string_view frame) = 0;
    // The last reply; the connection goes on with its next call.
    virtual void finish(std::string_view frame) = 0;
    // Bytes not yet taken by the client. A watcher sends no more until drained: latest state wins,
    // no backlog.
    virtual std::size_t unsent_bytes() const = 0;
    // Once, as soon as nothing is unsent (also if that is so already); never inside another call.
    virtual void on_drained(std::function<void()> callback) = 0;
    // The client hung up, or was dropped, before finish(). Called once, never inside another call.
    // Half closed (it sends no more) is not gone. A hang-up is noticed while the call is pending.
    virtual void on_gone(std::function<void()> callback) = 0;
    virtual bool gone() const = 0;
    virtual const Caller& caller() const = 0;
};

// One client connection, as a service sees it.
class Connection {
  public:
    virtual ~Connection() = default;
    virtual const Caller& caller() const = 0;
    // Append whole frames (each ended by a NUL); everything of one read goes out in one write.
    // Only inside Service::fast_call and call: it is a scratch buffer of the thread.
    virtual std::string& out() = 0;
    // This call is answered later. No further call of this connection is dispatched until finish(),
    // which may come already before Service::call returns. Only inside fast_call and call.
    virtual std::shared_ptr<Pending> defer() = 0;
    // Ends the connection after what is in out() was sent.
    virtual void close() = 0;
};

class Service {
  public:
    virtual ~Service() = default;
    // The expected shape of a GetToken: answer it and return true, or return false and it is parsed
    // in full. Must not allocate.
    virtual bool fast_call(Connection& connection, std::string_view frame) = 0;
    // Any call; org.varlink.service is answered by the server itself before this.
    // For `oneway` calls nothing may be appended to out() (the session also drops what is).
    virtual void call(Connection& connection, const proto::Call& call) = 0;
    virtual void opened(Connection&) {}
    virtual void closed(Connection&) {}
};

}  // namespace tb::ipc
