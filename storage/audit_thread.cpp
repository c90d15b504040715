// What must stay true: the brain never waits here; the disk's last room is never the audit's; a row
// that can't be written is counted, and the first row after it says how many are missing.
#include "storage/audit_thread.hpp"

#include <fmt/core.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cstdio>
#include <utility>

#include "base/check.hpp"
#include "base/limits.hpp"

namespace tb::storage {

std::unique_ptr<AuditStore> open_audit_store(asio::any_io_executor brain, AuditOptions options,
                                             Log& log) {
    if (options.rows_max == 0) options.rows_max = limits::audit_rows_max;
    if (options.room_bytes_min == 0) options.room_bytes_min = limits::audit_room_bytes_min;
    return std::make_unique<AuditThread>(std::move(brain), std::move(options), log);
}

AuditThread::AuditThread(asio::any_io_executor brain, AuditOptions options, Log& log)
    : brain_(std::move(brain)),
      options_(std::move(options)),
      log_(log),
      written_(std::make_shared<std::function<void()>>()) {
    if (const auto opened = connect(); !opened) lose(opened.error());
    sigset_t all;  // signals are the brain's; a new thread inherits the mask
    sigset_t before;
    sigfillset(&all);
    TB_ASSERT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    thread_ = std::thread([this] { loop(); });
    TB_ASSERT(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

AuditThread::~AuditThread() {
    end();
    thread_.join();
}

void AuditThread::end() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    wake_.notify_one();
}

Result<void> AuditThread::connect() {
    if (database_) return {};
    auto database = AuditDatabase::open(options_.path, options_.rows_max);
    if (!database && database.error().code == errc::damaged) {
        const std::string aside = options_.path + ".damaged";
        log_.error("the audit can't be read ({}): it is {} now and a new one is begun",
                   database.error().message, aside);
        (void)std::rename(options_.path.c_str(), aside.c_str());
        (void)::unlink((options_.path + "-wal").c_str());
        (void)::unlink((options_.path + "-shm").c_str());
        database = AuditDatabase::open(options_.path, options_.rows_max);
    }
    if (!database) return database.error();
    database_ = std::move(*database);
    return {};
}

// One line in the log when it begins, none for each batch.
void AuditThread::lose(const Error& error) {
    trouble_ = error.message;
    if (!std::exchange(losing_, true))
        log_.error("the audit can't be written, events are only counted: {}", trouble_);
}

bool AuditThread::put(AuditRow row) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        if (closing_ || rows_.size() >= limits::audit_queue_max) {
            ++dropped_;
            return false;
        }
        first = rows_.empty();
        rows_.push_back(std::move(row));
    }
    if (first) wake_.notify_one();
    return true;
}

awaitable<Result<AuditPage>> AuditThread::read(AuditQuery query) {
    const auto job = std::make_shared<Job>(brain_);
    job->query = std::move(query);
    bool taken = false;
    {
        const std::lock_guard lock(mutex_);
        taken = !closing_;
        if (taken) jobs_.push_back(job);
    }
    if (!taken) co_return Error{errc::closed, "the audit is closed"};
    wake_.notify_one();
    while (!job->done)
        co_await job->answered.wait();
    co_return std::move(job->page);
}

awaitable<void> AuditThread::close() {
    const auto job = std::make_shared<Job>(brain_);
    {
        const std::lock_guard lock(mutex_);
        TB_ASSERT(!closing_);
        last_ = job;
    }
    end();
    while (!job->done)
        co_await job->answered.wait();
}

// Something to do, and then a moment for more to come: one commit for all of it.
void AuditThread::await_work(Lock& lock) {
    const auto something = [this] { return !rows_.empty() || !jobs_.empty() || closing_; };
    const auto enough = [this] {
        return rows_.size() >= limits::audit_batch_max || !jobs_.empty() || closing_;
    };
    if (unsynced_since_ && !wake_.wait_for(lock, limits::audit_sync_ms, something)) return;
    wake_.wait(lock, something);
    wake_.wait_for(lock, limits::audit_batch_ms, enough);
}

void AuditThread::loop() {
    (void)pthread_setname_np(pthread_self(), "tb-audit");
    const auto tid = static_cast<id_t>(gettid());
    (void)setpriority(PRIO_PROCESS, tid, getpriority(PRIO_PROCESS, tid) + 10);  // readers first
    Lock lock(mutex_);
    for (bool last = false; !last;) {  // until closing, when all is written
        await_work(lock);
        std::vector<AuditRow> rows;
        while (!rows_.empty() && rows.size() < limits::audit_batch_max) {
            rows.push_back(std::move(rows_.front()));
            rows_.pop_front();
        }
        std::deque<std::shared_ptr<Job>> jobs;
        if (rows_.empty()) jobs.swap(jobs_);  // a reader sees what was put before it asked
        last = closing_ && rows_.empty();
        lock.unlock();
        if (rows.empty() && jobs.empty())
            sync();  // nothing came for a while
        else if (!rows.empty())
            write(std::move(rows));
        for (auto& job : jobs) {
            const Result<void> connected = connect();
            if (connected)
                job->page = database_->read(job->query);
            else
                job->page = connected.error();
            answer(std::move(job));
        }
        lock.lock();
    }
    const std::shared_ptr<Job> closed = std::move(last_);
    lock.unlock();
    database_.reset();  // copies the log into the file
    if (closed) answer(closed);
}

void AuditThread::sync() {
    if (std::exchange(unsynced_since_, std::nullopt) && database_) (void)database_->sync();
}

void AuditThread::write(std::vector<AuditRow> rows) {
    const BootTime newest = rows.back().boot;
    const std::uint64_t missing = dropped_ - told_;
    if (missing > 0) {
        AuditRow gap;
        gap.kind = AuditKind::admin;
        gap.wall = rows.front().wall;
        gap.boot = rows.front().boot;
        gap.verdict = "dropped";
        gap.method = "audit";
        gap.count = static_cast<std::int64_t>(missing);
        gap.detail = "events before this one could not be written: " + trouble_;
        rows.insert(rows.begin(), std::move(gap));
    }
    Result<void> written;
    if (room())
        written = connect();
    else
        written = Error{errc::storage,
                        fmt::format("less than {} bytes are free beside {}; free some disk space",
                                    options_.room_bytes_min, options_.path)};
    if (written) {
        written = database_->append(rows);
        if (!written) database_.reset();  // after an I/O error it must not be used again
    }
    if (!written) {
        dropped_ += rows.size() - (missing > 0 ? 1 : 0);
        return lose(written.error());
    }
    if (std::exchange(losing_, false)) log_.notice("the audit is written again");
    trouble_ = "they came too fast";
    told_ += missing;
    if (!unsynced_since_) unsynced_since_ = newest;
    if (newest - *unsynced_since_ >= limits::audit_sync_ms) sync();
    asio::post(brain_, [written_here = written_] {
        if (*written_here) (*written_here)();
    });
}

// The last reference to a job is dropped on the brain, since its Event belongs there.
void AuditThread::answer(std::shared_ptr<Job> job) {
    asio::post(brain_, [job = std::move(job)] {
        job->done = true;
        job->answered.notify_all();
    });
}

bool AuditThread::room() const {
    struct statvfs disk{};
    if (::statvfs(options_.path.c_str(), &disk) != 0) return true;  // the write will tell
    return disk.f_bavail * disk.f_frsize >= options_.room_bytes_min;
}

}  // namespace tb::storage
