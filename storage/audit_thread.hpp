// The audit's own thread: rows queue up in memory for a moment and are written together.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "storage/audit_database.hpp"
#include "storage/audit_store.hpp"

namespace tb::storage {

class AuditThread final : public AuditStore {
  public:
    AuditThread(asio::any_io_executor brain, AuditOptions options, Log& log);
    ~AuditThread() override;  // what still waits is written first
    AuditThread(const AuditThread&) = delete;
    AuditThread& operator=(const AuditThread&) = delete;

    bool put(AuditRow row) override;
    awaitable<Result<AuditPage>> read(AuditQuery query) override;
    void on_written(std::function<void()> callback) override { *written_ = std::move(callback); }
    std::uint64_t dropped() const override { return dropped_; }
    awaitable<void> close() override;

  private:
    // Made and read on the brain; in between it belongs to the thread.
    struct Job {
        explicit Job(const asio::any_io_executor& brain) : answered(brain) {}
        AuditQuery query;
        Result<AuditPage> page{};
        bool done = false;
        Event answered;
    };
    using Lock = std::unique_lock<std::mutex>;

    Result<void> connect();
    void lose(const Error& error);
    void loop();
    void await_work(Lock& lock);
    void write(std::vector<AuditRow> rows);
    void answer(std::shared_ptr<Job> job);
    bool room() const;
    void sync();
    void end();

    asio::any_io_executor brain_;
    std::unique_ptr<AuditDatabase> database_;  // the thread's
    AuditOptions options_;
    Log& log_;
    std::shared_ptr<std::function<void()>> written_;  // on the brain only
    std::atomic<std::uint64_t> dropped_ = 0;
    // -- of the thread --
    std::uint64_t told_ = 0;  // of dropped_: a row says so
    std::string trouble_ = "they came too fast";
    bool losing_ = false;  // the last batch was dropped
    std::optional<BootTime> unsynced_since_;
    // -- of both --
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<AuditRow> rows_;              // under mutex_
    std::deque<std::shared_ptr<Job>> jobs_;  // under mutex_
    std::shared_ptr<Job> last_;              // under mutex_: answered when all is written
    bool closing_ = false;                   // under mutex_
    std::thread thread_;
};

}  // namespace tb::storage
