// Standard output and error, by write(2) alone: no buffer that could fail after main has returned.
#include <fcntl.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace

void guard_standard_streams() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is `fd`. Read only on purpose: writing to it fails.
        if (::open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd) std::_Exit(1);
    }
}

Answer<> print(std::string_view text) {
    if (write_all(STDOUT_FILENO, text)) return {};
    return failed(std::string("can't write to standard output: ") + std::strerror(errno));
}

Answer<> print_line(std::string_view text) {
    std::string line(text);
    line += '\n';
    return print(line);
}

Answer<> print_json(const boost::json::object& object) {
    return print_line(boost::json::serialize(object));
}

void complain(std::string_view text) {
    std::string line = "tokenbroker: ";
    line += text;
    if (line.back() != '\n') line += '\n';
    (void)write_all(STDERR_FILENO, line);  // nowhere left to say that this failed
}

bool output_is_terminal() {
    return ::isatty(STDOUT_FILENO) == 1;
}

bool colours_wanted() {
    const char* off = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    const bool refused = off != nullptr && *off != '\0';
    const bool dumb = kind != nullptr && std::strcmp(kind, "dumb") == 0;
    return output_is_terminal() && !refused && !dumb;
}

}  // namespace tb::cli
