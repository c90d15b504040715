// The net thread, and the only translation unit with Beast and SSL. Values cross by move: a Start
// goes from the brain to the net thread, its Slot comes back. No coroutine spans both threads, and
// at no time do both look at a Slot.
#include "net/https_client.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <set>
#include <thread>

#include "base/mailbox.hpp"
#include "base/system_clock.hpp"
#include "net/detail_exchange.hpp"

namespace tb::net {
namespace {

// One exchange. Made and read on the brain; in between it belongs to the net thread.
struct Slot final : Mailbox::Item {
    explicit Slot(const asio::any_io_executor& brain) : done(brain) {}
    void run() override {
        answered = true;
        done.notify_all();
    }
    Event done;
    bool answered = false;  // on the brain only
    http::Outcome outcome;
};

class NetThread final : public HttpsClient {
  public:
    NetThread(asio::any_io_executor brain, HttpsOptions options, Log& log)
        : brain_(std::move(brain)),
          mailbox_(brain_),
          options_(std::move(options)),
          work_(io_.get_executor()),
          clock_(create_system_clock(io_.get_executor())),
          resolver_(io_.get_executor(), *clock_, log,
                    system_lookup(std::move(options_.resolve_overrides))),
          pool_(options_.idle_max_ms),
          shared_{io_.get_executor(), *clock_, options_, resolver_, contexts_, pool_} {
        // Signals belong to the brain's thread; the mask is inherited, also by resolver workers.
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        thread_ = std::thread(&NetThread::run, this);
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }

    ~NetThread() override {
        asio::post(io_, End{this});
        thread_.join();
    }

    awaitable<http::Outcome> exchange(http::Request request) override {
        const auto slot = std::make_shared<Slot>(brain_);
        mailbox_.expect();
        asio::post(io_, Start{this, slot, std::move(request)});
        while (!slot->answered)
            co_await slot->done.wait();
        co_return std::move(slot->outcome);
    }

    void stop() override { asio::post(io_, Stop{this}); }

  private:
    struct Start {
        NetThread* net;
        std::shared_ptr<Slot> slot;
        http::Request request;
        void operator()() {
            spawn(net->io_.get_executor(), "net exchange",
                  net->serve(std::move(slot), std::move(request)));
        }
    };
    struct Stop {
        NetThread* net;
        void operator()() const {
            net->stopping_ = true;
            for (detail::Exchange* exchange : net->exchanges_)
                if (!exchange->sent()) exchange->stop();
        }
    };
    struct End {
        NetThread* net;
        void operator()() const {
            net->stopping_ = true;
            net->ending_ = true;
            for (detail::Exchange* exchange : net->exchanges_)
                exchange->stop();
            net->end_if_idle();
        }
    };

    void run() {
        (void)pthread_setname_np(pthread_self(), "tb-net");
        // A handshake must never take the processor from a reader. On Linux `who` is a thread.
        const auto tid = static_cast<id_t>(gettid());
        (void)setpriority(PRIO_PROCESS, tid, getpriority(PRIO_PROCESS, tid) + 10);
        io_.run();
        // What closing made ready: attempts that lost, frames that end. Nothing waits any more.
        drained_ = true;
        io_.restart();
        io_.poll();
        pool_.clear();
    }

    void end_if_idle() {
        if (ending_ && exchanges_.empty() && !drained_) io_.stop();
    }

    awaitable<void> serve(std::shared_ptr<Slot> slot, http::Request request) {
        http::Outcome outcome;
        if (stopping_) {
            outcome = failed("shutdown", request.origin + ": the broker is stopping", false);
        } else {
            const auto exchange = std::make_unique<detail::Exchange>(shared_, std::move(request));
            exchanges_.insert(exchange.get());
            outcome = co_await exchange->run();
            exchanges_.erase(exchange.get());
            sweep_later();
        }
        slot->outcome = std::move(outcome);
        mailbox_.put(std::move(slot));
        end_if_idle();
    }

    // One timer for all kept connections, while there are any.
    void sweep_later() {
        const auto first = pool_.next_expiry();
        if (sweeping_ || !first) return;
        sweeping_ = true;
        clock_->call_at(*first, [this] {
            sweeping_ = false;
            pool_.expire(clock_->now());
            sweep_later();
        });
    }

    // In the order of destruction, backwards: what holds sockets and timers goes before io_.
    asio::any_io_executor brain_;
    Mailbox mailbox_;
    HttpsOptions options_;
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::unique_ptr<Clock> clock_;
    Resolver resolver_;
    detail::TlsContexts contexts_;
    IdlePool<detail::Connection> pool_;
    detail::Shared shared_;
    std::set<detail::Exchange*> exchanges_;
    bool stopping_ = false;
    bool ending_ = false;
    bool drained_ = false;  // poll() must reach the last frame
    bool sweeping_ = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<HttpsClient> create_https_client(asio::any_io_executor brain, HttpsOptions options,
                                                 Log& log) {
    return std::make_unique<NetThread>(std::move(brain), std::move(options), log);
}

}  // namespace tb::net
