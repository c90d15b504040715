// A daemon in the test's own process: one thread that answers calls as a test says, sends what a
// test wants to every connection, hangs up, goes away and comes back. What must stay true: it knows
// nothing of the library under test, so the two can't agree on a mistake.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tb::test {

class FakeDaemon {
  public:
    // What to send for a call (its frame without the NUL). "": nothing, the caller waits.
    using Answer = std::function<std::string(const std::string& call)>;
    static inline const std::string hang_up_now = "\1hang up";

    explicit FakeDaemon(Answer answer) : answer_(std::move(answer)) {
        char folder[] = "/tmp/tokenbroker-client-XXXXXX";
        folder_ = ::mkdtemp(folder);
        socket_ = folder_ + "/tokens.sock";
        start();
    }
    ~FakeDaemon() {
        stop();
        ::rmdir(folder_.c_str());
    }
    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;

    const std::string& socket() const { return socket_; }

    void start() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, socket_.c_str(), socket_.size() + 1);
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ::unlink(socket_.c_str());
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_, 64) != 0)
            std::abort();
        wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        stopping_ = false;
        thread_ = std::thread([this] { run(); });
    }
    // All connections end and the socket's file goes, as when a daemon is killed and cleaned up.
    void stop() {
        if (!thread_.joinable()) return;
        poke([this] { stopping_ = true; });
        thread_.join();
        for (auto& [fd, text] : connections_)
            ::close(fd);
        connections_.clear();
        ::close(listener_);
        ::close(wake_);
        ::unlink(socket_.c_str());
    }
    void answer_with(Answer answer) {
        const std::lock_guard lock(mutex_);
        answer_ = std::move(answer);
    }
    void push(const std::string& bytes) {
        poke([&] { pushed_ += bytes; });
    }
    void hang_up() {
        poke([this] { hanging_up_ = true; });
    }
    int calls() {
        const std::lock_guard lock(mutex_);
        return calls_;
    }
    int connections() {
        const std::lock_guard lock(mutex_);
        return static_cast<int>(connections_.size());
    }
    std::string last_call() {
        const std::lock_guard lock(mutex_);
        return last_call_;
    }

  private:
    void poke(const std::function<void()>& change) {
        const std::lock_guard lock(mutex_);
        change();
        const std::uint64_t one = 1;
        if (::write(wake_, &one, sizeof one) < 0) std::abort();
    }
    static void send_all(int fd, std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    // False: the connection is over.
    bool serve(int fd, std::string& text) {
        char bytes[4096];
        const ssize_t n = ::recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0) return false;
        text.append(bytes, static_cast<std::size_t>(n));
        for (std::size_t end = text.find('\0'); end != std::string::npos; end = text.find('\0')) {
            last_call_ = text.substr(0, end);
            text.erase(0, end + 1);
            ++calls_;
            const std::string reply = answer_(last_call_);
            if (reply == hang_up_now) return false;
            send_all(fd, reply);
        }
        return true;
    }
    void run() {
        for (;;) {
            std::vector<pollfd> waits{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
            {
                const std::lock_guard lock(mutex_);
                for (auto& [fd, text] : connections_)
                    waits.push_back({fd, POLLIN, 0});
            }
            ::poll(waits.data(), waits.size(), -1);
            const std::lock_guard lock(mutex_);
            std::uint64_t count = 0;
            if (::read(wake_, &count, sizeof count) > 0 && stopping_) return;
            for (const pollfd& wait : waits) {
                if (wait.fd == wake_ || wait.fd == listener_ || wait.revents == 0) continue;
                if (!serve(wait.fd, connections_[wait.fd])) drop(wait.fd);
            }
            if (!pushed_.empty())
                for (auto& [fd, text] : connections_)
                    send_all(fd, pushed_);
            pushed_.clear();
            while (hanging_up_ && !connections_.empty())
                drop(connections_.begin()->first);
            hanging_up_ = false;
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd >= 0) connections_[fd];
        }
    }
    void drop(int fd) {
        connections_.erase(fd);
        ::close(fd);
    }

    std::mutex mutex_;
    Answer answer_;
    std::string folder_, socket_, pushed_, last_call_;
    std::map<int, std::string> connections_;
    std::thread thread_;
    int listener_ = -1, wake_ = -1, calls_ = 0;
    bool stopping_ = false, hanging_up_ = false;
};

}  // namespace tb::test
