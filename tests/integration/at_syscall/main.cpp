// at_syscall SOCKET COMMAND...: COMMAND with a tracer beside it that takes orders (orders.hpp) at a
// Unix socket, and costs nothing without one. The process itself becomes COMMAND, so that its
// parent sees its pid, signals and exit status; the tracer is its child, attached before the exec,
// which works without privileges and for a program that makes itself undumpable later.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>

#include "orders.hpp"

namespace {

using at_syscall::Call;
using at_syscall::Orders;

constexpr auto options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
constexpr int syscall_stop = SIGTRAP | 0x80;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "at_syscall: %s: %s\n", what, std::strerror(errno));
    _exit(125);
}

int listen_at(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::strlen(path) >= sizeof address.sun_path) fail("the socket's path is too long");
    std::strcpy(address.sun_path, path);
    unlink(path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4) != 0)
        fail(path);
    return fd;
}

class Tracer {
  public:
    Tracer(pid_t process, int listener)
        : process_(process), listener_(listener), orders_(process) {}

    void attach() {
        if (ptrace(PTRACE_SEIZE, process_, 0, options) != 0) fail("PTRACE_SEIZE");
        if (ptrace(PTRACE_INTERRUPT, process_, 0, 0) != 0) fail("PTRACE_INTERRUPT");
        sigset_t child;
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, nullptr);
        signals_ = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    }

    // Until the process is gone.
    void run() {
        while (stops()) {
            pollfd wait[] = {{signals_, POLLIN, 0},
                             {listener_, POLLIN, 0},
                             {client_, POLLIN, 0}};  // -1 is passed over
            poll(wait, 3, -1);
            signalfd_siginfo gone;
            while (read(signals_, &gone, sizeof gone) > 0) {
            }
            if (wait[1].revents != 0)
                accept_client();
            else if (wait[2].revents != 0)
                read_orders();
        }
    }

  private:
    // False: nobody is left to trace.
    bool stops() {
        for (;;) {  // as long as the kernel has news
            int status = 0;
            const pid_t thread = waitpid(-1, &status, __WALL | WNOHANG);
            if (thread < 0 && errno == EINTR) continue;
            if (thread <= 0) return thread == 0;
            if (WIFSTOPPED(status)) resume(thread, status);
        }
    }

    void resume(pid_t thread, int status) {
        const int signal_number = WSTOPSIG(status);
        const int event = status >> 16;
        long deliver = 0;
        if (signal_number == syscall_stop) {
            Call call;
            if (at_syscall::look(thread, call) && orders_.stopped(thread, call)) say("killed\n");
        } else if (event == PTRACE_EVENT_STOP && signal_number != SIGTRAP) {
            ptrace(PTRACE_LISTEN, thread, 0, 0);  // SIGSTOP and its like stop it for all
            return;
        } else if (event == 0) {
            deliver = signal_number;
        }
        ptrace(orders_.active() ? PTRACE_SYSCALL : PTRACE_CONT, thread, 0, deliver);
    }

    // Each thread stops once and goes on with a stop at every call; none is missed when this
    // returns.
    void watch_calls() {
        const std::string tasks = "/proc/" + std::to_string(process_) + "/task";
        for (const auto& entry : std::filesystem::directory_iterator(tasks)) {
            const pid_t thread = std::stoi(entry.path().filename().string());
            if (ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0) continue;  // it has just ended
            int status = 0;
            if (waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status))
                resume(thread, status);
        }
    }

    void accept_client() {
        if (client_ >= 0) close(client_);
        client_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        pending_.clear();
    }

    void read_orders() {
        char chunk[4096];
        const ssize_t n = read(client_, chunk, sizeof chunk);
        if (n <= 0) {
            close(client_);
            client_ = -1;
            return;
        }
        pending_.append(chunk, static_cast<std::size_t>(n));
        for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
            const bool before = orders_.active();
            const std::string answer = orders_.take(pending_.substr(0, end));
            if (orders_.active() && !before) watch_calls();
            say(answer);
            pending_.erase(0, end + 1);
        }
    }

    void say(const std::string& text) {
        if (client_ >= 0) (void)!::send(client_, text.data(), text.size(), MSG_NOSIGNAL);
    }

    pid_t process_;
    int listener_;
    Orders orders_;
    int signals_ = -1;
    int client_ = -1;
    std::string pending_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: at_syscall SOCKET COMMAND...\n", stderr);
        return 125;
    }
    const int listener = listen_at(argv[1]);
    int ends[2];  // one byte each way: you may attach; I have
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
    const pid_t process = getpid();
    const pid_t tracer = fork();
    if (tracer < 0) fail("fork");
    char go = 0;
    if (tracer == 0) {
        close(ends[0]);
        if (read(ends[1], &go, 1) != 1) fail("read");
        Tracer self(process, listener);
        self.attach();
        if (write(ends[1], &go, 1) != 1) fail("write");
        self.run();
        _exit(0);
    }
    close(ends[1]);
    prctl(PR_SET_PTRACER, tracer, 0, 0, 0);  // where Yama asks for it
    if (write(ends[0], &go, 1) != 1 || read(ends[0], &go, 1) != 1) return 125;
    execv(argv[2], argv + 2);
    fail(argv[2]);
}
