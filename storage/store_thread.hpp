// The store's thread: a queue in front of a Ledger. Everything waiting becomes one group.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/async.hpp"
#include "base/mailbox.hpp"
#include "storage/ledger.hpp"

namespace tb::storage {

// One question of the brain. Made and read on the brain; in between it belongs to the thread.
struct Job final : Mailbox::Item {
    enum class Kind { commit, restore_retired, open, open_client_secrets, rekey, backup, close };

    Job(Kind what, const asio::any_io_executor& brain) : kind(what), answered(brain) {}
    void run() override {
        done = true;
        answered.notify_all();
    }
    Kind kind;
    std::shared_ptr<Change> change{};
    AccountId account = 0;
    std::string client{};
    Result<Committed> committed{};
    Result<SecretSet> secrets{};
    std::shared_ptr<BackupAsk> backup{};
    Result<void> done_well{};  // of rekey and backup
    bool done = false;         // on the brain only
    Event answered;
};

class StoreThread {
  public:
    StoreThread(const asio::any_io_executor& brain, std::unique_ptr<Ledger> ledger,
                Millis group_wait);
    // What still waits is not done, and answered errc::closed.
    ~StoreThread();
    StoreThread(const StoreThread&) = delete;
    StoreThread& operator=(const StoreThread&) = delete;

    // False: the queue is full, or nothing is taken any more.
    enum class Taken { yes, full, closed };
    Taken give(std::shared_ptr<Job> job);
    // Runs `work` on the thread, before whatever waits; the caller waits for the future before it
    // asks for anything else.
    std::future<void> run(std::function<void(Ledger&)> work);
    void join();
    const Ledger& ledger() const { return *ledger_; }

  private:
    using Jobs = std::vector<std::shared_ptr<Job>>;
    void loop();
    Jobs take(std::unique_lock<std::mutex>& lock);
    std::size_t batch_size() const;
    void serve(Jobs jobs);
    void read(Job& job);
    void answer(Jobs jobs);

    Mailbox brain_;
    std::unique_ptr<Ledger> ledger_;
    Millis group_wait_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<Job>> queue_;  // under mutex_
    std::function<void(Ledger&)> urgent_;     // under mutex_
    bool closing_ = false;                    // under mutex_: nothing more is taken
    bool abandoned_ = false;                  // under mutex_: nothing more is done
    std::thread thread_;
};

}  // namespace tb::storage
