// The names live on the net thread; only a host name goes to a worker and only a LookupResult comes
// back, under the mutex that ~Resolver takes to say that nobody listens any more.
#include "net/resolver.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/limits.hpp"

namespace tb::net {

// What is known of one name.
struct Resolver::Name {
    explicit Name(const asio::any_io_executor& executor) : changed(executor) {}
    Event changed;
    Addresses good;  // of the last look-up that succeeded
    BootTime good_at{};
    bool trusted = false;
    bool looking = false;
    bool slow_logged = false;
    BootTime asked_at{};
    std::uint64_t ended = 0;  // look-ups that ended, so that a waiter knows its own has
    std::string error;        // of the last one, empty if it succeeded
};

struct Resolver::Delivery {
    Resolver* resolver;
    std::string host;
    LookupResult result;
    void operator()() { resolver->delivered(host, std::move(result)); }
};

// Shared with the detached workers, so it outlives the Resolver.
struct Resolver::Workers {
    Workers(asio::any_io_executor executor_, Resolver* resolver_, Lookup lookup_)
        : executor(std::move(executor_)), resolver(resolver_), lookup(std::move(lookup_)) {}
    std::mutex mutex;
    std::condition_variable_any work;
    std::deque<std::string> queue;
    std::size_t idle = 0;
    std::size_t threads = 0;
    std::stop_source stop;
    asio::any_io_executor executor;
    Resolver* resolver;  // not used once stop is requested
    Lookup lookup;
};

struct Resolver::Worker {
    std::shared_ptr<Workers> shared;

    void operator()() {
        (void)pthread_setname_np(pthread_self(), "tb-lookup");
        std::unique_lock lock(shared->mutex);
        const std::stop_token stop = shared->stop.get_token();
        while (!stop.stop_requested()) {
            ++shared->idle;
            shared->work.wait(lock, stop, [this] { return !shared->queue.empty(); });
            --shared->idle;
            if (stop.stop_requested()) return;
            std::string host = std::move(shared->queue.front());
            shared->queue.pop_front();
            lock.unlock();
            LookupResult result = shared->lookup(host, stop);
            lock.lock();
            // Under the mutex: ~Resolver can't finish before this is posted.
            if (!stop.stop_requested())
                asio::post(shared->executor,
                           Delivery{shared->resolver, std::move(host), std::move(result)});
        }
    }
};

Resolver::Resolver(asio::any_io_executor executor, Clock& clock, Log& log, Lookup lookup)
    : executor_(executor),
      clock_(clock),
      log_(log),
      workers_(std::make_shared<Workers>(std::move(executor), this, std::move(lookup))) {}

Resolver::~Resolver() {
    const std::lock_guard lock(workers_->mutex);
    workers_->stop.request_stop();
    workers_->work.notify_all();
}

std::shared_ptr<Resolver::Name> Resolver::name_of(const std::string& host) {
    if (const auto found = names_.find(host); found != names_.end()) return found->second;
    // Waiters hold their Name themselves; only a look-up in flight finds its Name through the map.
    if (names_.size() >= limits::names_remembered_max)
        std::erase_if(names_, [](const auto& entry) { return !entry.second->looking; });
    return names_.emplace(host, std::make_shared<Name>(executor_)).first->second;
}

void Resolver::start(const std::string& host, Name& name) {
    name.looking = true;
    name.slow_logged = false;
    name.asked_at = clock_.now();
    const std::lock_guard lock(workers_->mutex);
    workers_->queue.push_back(host);
    if (workers_->idle < workers_->queue.size() &&
        workers_->threads < limits::resolver_threads_max) {
        try {
            std::thread(Worker{workers_}).detach();
            ++workers_->threads;
        } catch (const std::system_error& e) {
            // The queue is served by those that exist; without any, this one look-up fails.
            if (workers_->threads == 0) {
                workers_->queue.clear();
                LookupResult none{{}, std::string("no thread for the look-up: ") + e.what()};
                asio::post(executor_, Delivery{this, host, std::move(none)});
            }
        }
    }
    workers_->work.notify_one();
}

void Resolver::delivered(const std::string& host, LookupResult result) {
    const auto found = names_.find(host);
    if (found == names_.end()) return;
    Name& name = *found->second;
    name.looking = false;
    ++name.ended;
    name.error = std::move(result.error);
    if (!result.addresses.empty()) {
        name.good = by_turns(result.addresses);
        name.good_at = clock_.now();
        name.trusted = true;
        name.error.clear();
    } else if (!name.good.empty()) {
        log_.warning("{}: the look-up failed ({}); its last good addresses are used", host,
                     name.error);
    }
    name.changed.notify_all();
}

awaitable<LookupResult> Resolver::find(std::string host, std::function<bool()> given_up) {
    LookupResult result;
    boost::system::error_code not_an_address;
    const auto literal = asio::ip::make_address(host, not_an_address);
    if (!not_an_address) {
        result.addresses.push_back(literal);
        co_return result;
    }
    const std::shared_ptr<Name> name = name_of(host);
    const bool known = !name->good.empty();
    if (known && name->trusted && clock_.now() - name->good_at < limits::addresses_fresh_ms) {
        result.addresses = name->good;
        co_return result;
    }
    if (!name->looking) start(host, *name);
    const std::uint64_t before = name->ended;
    const BootTime patience_ends = name->asked_at + limits::lookup_patience_ms;
    std::optional<Deadline> patience;
    if (known) patience.emplace(clock_, patience_ends, [name] { name->changed.notify_all(); });
    while (name->ended == before) {
        if (given_up()) co_return result;
        if (known && clock_.now() >= patience_ends) {
            if (!name->slow_logged)
                log_.warning("{}: the look-up takes long; its last good addresses are used", host);
            name->slow_logged = true;
            break;
        }
        co_await name->changed.wait();
    }
    result.addresses = name->good;
    if (result.addresses.empty()) result.error = name->error;
    co_return result;
}

void Resolver::wake(const std::string& host) {
    if (const auto found = names_.find(host); found != names_.end())
        found->second->changed.notify_all();
}

void Resolver::distrust(const std::string& host) {
    if (const auto found = names_.find(host); found != names_.end()) found->second->trusted = false;
}

}  // namespace tb::net
