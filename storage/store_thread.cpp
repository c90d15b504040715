// Order: jobs are answered in the order they came, for one account; a read of an account that no
// change before it in the same batch concerns doesn't wait for their commit. The last reference to
// a job is always dropped on the brain, since its Event belongs there.
#include "storage/store_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <unordered_set>

#include "base/check.hpp"
#include "base/limits.hpp"

namespace tb::storage {
namespace {

// The accounts and clients that some jobs concern.
class Concerned {
  public:
    void add(const Job& job) {
        each_of(
            job, [this](AccountId account) { accounts_.insert(account); },
            [this](const std::string& client) { clients_.insert(client); });
    }
    bool meets(const Job& job) const {
        bool found = false;
        each_of(
            job, [&](AccountId account) { found |= accounts_.contains(account); },
            [&](const std::string& client) { found |= clients_.contains(client); });
        return found;
    }

  private:
    template <class Account, class Client>
    static void each_of(const Job& job, Account account, Client client) {
        if (job.kind == Job::Kind::open || job.kind == Job::Kind::restore_retired)
            account(job.account);
        if (job.kind == Job::Kind::open_client_secrets) client(job.client);
        if (job.kind != Job::Kind::commit) return;
        std::visit(
            [&](const auto& change) {
                if constexpr (requires { account(change.account); }) account(change.account);
                if constexpr (requires { account(change.candidate); }) account(change.candidate);
                if constexpr (requires { client(change.client); }) client(change.client);
                // AddAccount: nobody knows its id yet. Touch: no read depends on it.
            },
            *job.change);
    }
    std::unordered_set<AccountId> accounts_;
    std::unordered_set<std::string> clients_;
};

Work work_of(const Job& job) {
    Work work;
    if (job.kind == Job::Kind::restore_retired) {
        work.kind = Work::Kind::restore_retired;
        work.account = job.account;
        work.identity = std::make_shared<char>('\0');
    } else {
        work.change = job.change.get();
        work.identity = job.change;
    }
    return work;
}

bool is_read(const Job& job) {
    return job.kind == Job::Kind::open || job.kind == Job::Kind::open_client_secrets;
}

// Of no account: after whatever came with it.
bool is_of_the_whole(const Job& job) {
    return job.kind == Job::Kind::rekey || job.kind == Job::Kind::backup ||
           job.kind == Job::Kind::close;
}

}  // namespace

StoreThread::StoreThread(const asio::any_io_executor& brain, std::unique_ptr<Ledger> ledger,
                         Millis group_wait)
    : brain_(brain), ledger_(std::move(ledger)), group_wait_(group_wait) {
    // Signals are the brain's; a new thread inherits the mask.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    TB_ASSERT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    thread_ = std::thread([this] { loop(); });
    TB_ASSERT(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

StoreThread::~StoreThread() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        abandoned_ = true;
    }
    wake_.notify_one();
    join();
}

void StoreThread::join() {
    if (thread_.joinable()) thread_.join();
}

StoreThread::Taken StoreThread::give(std::shared_ptr<Job> job) {
    {
        const std::lock_guard lock(mutex_);
        if (closing_) return Taken::closed;
        if (job->kind == Job::Kind::close)
            closing_ = true;
        else if (queue_.size() >= limits::store_queue_max)
            return Taken::full;
        queue_.push_back(std::move(job));
    }
    brain_.expect();
    wake_.notify_one();
    return Taken::yes;
}

std::future<void> StoreThread::run(std::function<void(Ledger&)> work) {
    const auto done = std::make_shared<std::promise<void>>();  // outlives both sides of it
    {
        const std::lock_guard lock(mutex_);
        TB_ASSERT(!closing_ && !urgent_);
        urgent_ = [work = std::move(work), done](Ledger& ledger) {
            work(ledger);
            done->set_value();
        };
    }
    wake_.notify_one();
    return done->get_future();
}

void StoreThread::loop() {
    (void)pthread_setname_np(pthread_self(), "tb-store");
    std::unique_lock lock(mutex_);
    for (;;) {  // until close or the destructor; each turn waits, serves, or tidies
        const auto something = [this] { return !queue_.empty() || urgent_ || abandoned_; };
        if (!wake_.wait_for(lock, ledger_->tidy_after(), something)) {
            lock.unlock();
            ledger_->tidy();
            lock.lock();
            continue;
        }
        if (abandoned_) break;
        if (auto urgent = std::exchange(urgent_, nullptr)) {
            lock.unlock();
            urgent(*ledger_);
            lock.lock();
            continue;
        }
        Jobs jobs = take(lock);
        if (jobs.empty()) continue;
        const bool last = jobs.back()->kind == Job::Kind::close;
        lock.unlock();
        serve(std::move(jobs));
        if (last) return;
        if (ledger_->rekey_wants_step()) ledger_->rekey_step();
        lock.lock();
    }
    Jobs left(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
    queue_.clear();
    lock.unlock();
    const Error closed{errc::closed, "the store was closed before this was done"};
    for (const auto& job : left) {
        job->committed = closed;
        job->secrets = closed;
        job->done_well = closed;
    }
    ledger_->close();
    answer(std::move(left));
}

StoreThread::Jobs StoreThread::take(std::unique_lock<std::mutex>& lock) {
    if (group_wait_ > Millis{0})
        wake_.wait_for(lock, group_wait_,
                       [this] { return queue_.size() >= limits::commit_group_max || closing_; });
    if (abandoned_) return {};
    const std::size_t n = batch_size();
    Jobs jobs(std::make_move_iterator(queue_.begin()),
              std::make_move_iterator(queue_.begin() + static_cast<std::ptrdiff_t>(n)));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(n));
    return jobs;
}

// As many as make one group; but no change of what a read before it still has to see unchanged.
std::size_t StoreThread::batch_size() const {
    Concerned changed;
    Concerned awaited;
    const std::size_t most = std::min(queue_.size(), limits::commit_group_max);
    for (std::size_t n = 0; n < most; ++n) {
        const Job& job = *queue_[n];
        if (!is_read(job)) {
            if (awaited.meets(job)) return n;
            changed.add(job);
        } else if (changed.meets(job)) {
            awaited.add(job);
        }
    }
    return most;
}

void StoreThread::serve(Jobs jobs) {
    Concerned touched;
    Jobs first;  // reads that need not wait
    Jobs changes;
    Jobs after;  // reads of what is being changed, and the end
    for (auto& job : jobs) {
        if (is_of_the_whole(*job)) {
            after.push_back(std::move(job));
        } else if (!is_read(*job)) {
            touched.add(*job);
            changes.push_back(std::move(job));
        } else if (touched.meets(*job)) {
            after.push_back(std::move(job));
        } else {
            first.push_back(std::move(job));
        }
    }
    for (const auto& job : first)
        read(*job);
    answer(std::move(first));
    if (!changes.empty()) {
        std::vector<Work> group;
        group.reserve(changes.size());
        for (const auto& job : changes)
            group.push_back(work_of(*job));
        auto answers = ledger_->commit(group);
        for (std::size_t i = 0; i < changes.size(); ++i)
            changes[i]->committed = std::move(answers[i]);
        answer(std::move(changes));
        ledger_->bound_log();
    }
    for (const auto& job : after)
        read(*job);
    answer(std::move(after));
}

void StoreThread::read(Job& job) {
    switch (job.kind) {
        case Job::Kind::close:
            ledger_->close();
            break;
        case Job::Kind::open:
            job.secrets = ledger_->open_grant(job.account);
            break;
        case Job::Kind::rekey:
            job.done_well = ledger_->begin_rekey();
            break;
        case Job::Kind::backup:
            job.done_well = ledger_->backup(*job.backup);
            break;
        default:
            job.secrets = ledger_->open_client_secrets(job.client);
    }
}

void StoreThread::answer(Jobs jobs) {
    for (auto& job : jobs)
        brain_.put(std::move(job));
}

}  // namespace tb::storage
