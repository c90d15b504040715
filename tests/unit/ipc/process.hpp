// Helpers of the ipc tests: forked children that say what they did, a folder of their own, raw
// sockets.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "base/unique_fd.hpp"

namespace tb::test {

class TempFolder {
  public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "tb_ipc_XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    std::string file(std::string_view name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

inline sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

inline UniqueFd connect_to(const std::string& path) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(path);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fd.reset();
    return fd;
}

inline std::pair<UniqueFd, UniqueFd> socket_pair() {
    int fds[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A forked child. It runs `body` and ends with its result; say() and wait_for_word() let both sides
// take turns. Killed and reaped at the latest by the destructor.
class Child {
  public:
    explicit Child(const std::function<int(Child&)>& body) {
        auto [ours, theirs] = socket_pair();
        pid_ = ::fork();
        if (pid_ < 0) std::abort();
        if (pid_ == 0) {
            ours.reset();
            channel_ = std::move(theirs);
            ::alarm(30);  // a child that hangs ends by itself
            ::_exit(body(*this));
        }
        channel_ = std::move(ours);
    }
    ~Child() {
        kill();
        reap();
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    pid_t pid() const { return pid_; }
    bool say(char word = '.') { return ::send(channel_.get(), &word, 1, MSG_NOSIGNAL) == 1; }
    // The word, or 0 when the other side is gone.
    char wait_for_word() {
        char word = 0;
        ssize_t n = -1;
        do {
            n = ::recv(channel_.get(), &word, 1, 0);
        } while (n < 0 && errno == EINTR);
        return n == 1 ? word : '\0';
    }
    void kill() {
        if (pid_ > 0 && !reaped_) ::kill(pid_, SIGKILL);
    }
    // The exit code; -1 if a signal ended it.
    int reap() {
        if (!reaped_) {
            while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
            }
            reaped_ = true;
        }
        return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
    }
    // Dead, but not reaped: a zombie.
    void wait_until_dead() const {
        siginfo_t info{};
        while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 &&
               errno == EINTR) {
        }
    }

  private:
    pid_t pid_ = -1;
    UniqueFd channel_;
    bool reaped_ = false;
    int status_ = 0;
};

inline bool is_root() {
    return ::geteuid() == 0;
}

}  // namespace tb::test
