// Secrets come from standard input or a file, never from argv, where every process of the host
// could read them. On a terminal the line is read raw: the kernel's line editor would cut a pasted
// token at 4,095 bytes, and Ctrl-C could leave the terminal without echo.
#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>

#include "base/limits.hpp"
#include "base/unique_fd.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

constexpr char end_of_text = '\x03';   // Ctrl-C
constexpr char end_of_input = '\x04';  // Ctrl-D
constexpr char backspace = '\x7f';
constexpr char backspace_old = '\b';
constexpr char kill_line = '\x15';  // Ctrl-U

class RawTerminal {
  public:
    RawTerminal() : usable_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (!usable_) return;
        termios raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        usable_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
    }
    ~RawTerminal() {
        if (usable_) (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    bool usable() const { return usable_; }

  private:
    termios before_{};
    bool usable_;
};

// One byte over the limit is read, so that it is noticed.
Answer<Secret> read_all(int fd, std::string_view what) {
    Secret secret;
    secret.resize(limits::secret_bytes_max + 2);
    std::size_t size = 0;
    while (size < secret.size()) {
        const ssize_t n = ::read(fd, secret.data() + size, secret.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(fmt::format("can't read {}: {}", what, std::strerror(errno)));
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    secret.resize(size);
    return secret;
}

Answer<Secret> read_typed(std::string_view what) {
    const RawTerminal terminal;
    if (!terminal.usable())
        return failed(
            fmt::format("can't read {} without echo from this terminal; pipe it in", what));
    const std::string prompt = fmt::format("{} (not shown): ", what);
    (void)!::write(STDERR_FILENO, prompt.data(), prompt.size());
    Secret secret;
    bool stopped = false;
    for (std::size_t taken = 0; taken < 4 * limits::secret_bytes_max; ++taken) {
        char c = 0;
        const ssize_t n = ::read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR) continue;
        stopped = n == 1 && c == end_of_text;
        if (n <= 0 || c == '\n' || c == '\r' || c == end_of_input || stopped) break;
        if (c == backspace || c == backspace_old)
            secret.resize(secret.empty() ? 0 : secret.size() - 1);
        else if (c == kill_line)
            secret.clear();
        else
            secret.push_back(c);
    }
    (void)!::write(STDERR_FILENO, "\n", 1);
    if (stopped) return failed("stopped; nothing was changed");
    return secret;
}

// The daemon would have to hang up on what is not UTF-8; said here, it can be understood.
bool is_utf8(std::string_view text) {
    boost::system::error_code error;
    (void)boost::json::parse(boost::json::serialize(boost::json::string(text)), error);
    return !error;
}

Answer<Secret> checked(Answer<Secret> read, std::string_view what) {
    if (!read) return read;
    Secret secret = std::move(*read);
    while (!secret.empty() && (secret.view().back() == '\n' || secret.view().back() == '\r'))
        secret.resize(secret.size() - 1);
    if (secret.empty()) return failed(fmt::format("{} is empty; nothing was changed", what));
    if (secret.size() > limits::secret_bytes_max)
        return failed(fmt::format("{} is longer than {} bytes", what, limits::secret_bytes_max));
    if (!is_utf8(secret.view())) return failed(fmt::format("{} is not UTF-8 text", what));
    return secret;
}

}  // namespace

Answer<Secret> read_secret(std::string_view what) {
    if (::isatty(STDIN_FILENO) == 1) return checked(read_typed(what), what);
    return checked(read_all(STDIN_FILENO, what), what);
}

Answer<Secret> read_secret_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return failed(fmt::format("can't open {}: {}", path, std::strerror(errno)));
    return checked(read_all(fd.get(), path), path);
}

}  // namespace tb::cli
