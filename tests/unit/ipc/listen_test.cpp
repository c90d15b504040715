// Listening sockets: the mode, who may be replaced, what systemd hands in, which admin socket is
// refused.
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "ipc/server.hpp"
#include "tests/unit/ipc/process.hpp"

using namespace tb;
using namespace tb::ipc;
using namespace tb::test;

namespace {
class Umask {
  public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    ~Umask() { ::umask(before_); }
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;

  private:
    mode_t before_;
};

struct stat info_of(const std::string& path) {
    struct stat info{};
    BOOST_REQUIRE(::lstat(path.c_str(), &info) == 0);
    return info;
}

unsigned mode_of(const std::string& path) {
    return info_of(path).st_mode & 07777U;
}

void check_refused(const Result<UniqueFd>& made, errc code, std::string_view says) {
    BOOST_REQUIRE(made.has_error());
    BOOST_TEST((made.error().code == code), to_string(made.error().code));
    BOOST_TEST(made.error().message.find(says) != std::string::npos, made.error().message);
}

// Bound, listening or not, in the way of somebody else's daemon.
UniqueFd plain_socket(const std::string& path, int type, bool listening) {
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(path);
    BOOST_REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                  0);
    if (listening) BOOST_REQUIRE(::listen(fd.get(), 1) == 0);
    return fd;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_listener_has_the_mode_whatever_the_umask) {
    TempFolder folder;
    const std::string path = folder.file("s.sock");
    for (const mode_t mask : {0U, 022U, 0777U}) {
        const Umask set(mask);
        for (const unsigned mode : {0600U, 0660U, 0666U}) {
            const auto made = listen_unix(path, mode);
            BOOST_REQUIRE(made.has_value());
            BOOST_TEST(mode_of(path) == mode);
            BOOST_TEST((::fcntl(made->get(), F_GETFD) & FD_CLOEXEC) != 0);
            BOOST_TEST((::fcntl(made->get(), F_GETFL) & O_NONBLOCK) != 0);
            BOOST_TEST(static_cast<bool>(connect_to(path)));
            BOOST_TEST(check_listener(made->get()).has_value());
        }  // each one finds the stale socket of the one before
    }
}

BOOST_AUTO_TEST_CASE(a_listener_is_never_wider_than_asked) {
    TempFolder folder;
    const std::string path = folder.file("s.sock");
    const Umask none(0);
    std::atomic<bool> done = false;
    std::atomic<unsigned> seen = 0;
    std::thread watcher([&] {
        while (!done) {
            struct stat info{};
            if (::lstat(path.c_str(), &info) == 0) seen |= info.st_mode & 07777U;
        }
    });
    for (int i = 0; i < 500; ++i)
        BOOST_TEST(listen_unix(path, 0640).has_value());
    done = true;
    watcher.join();
    BOOST_TEST((seen & ~0640U) == 0U);
}

BOOST_AUTO_TEST_CASE(a_listener_is_given_to_a_group) {
    TempFolder folder;
    const std::string path = folder.file("s.sock");
    const group* mine = ::getgrgid(is_root() ? 1 : ::getegid());  // 1: daemon
    BOOST_REQUIRE(mine != nullptr);
    const gid_t gid = mine->gr_gid;
    const auto made = listen_unix(path, 0660, mine->gr_name);
    BOOST_REQUIRE(made.has_value());
    BOOST_TEST(info_of(path).st_gid == gid);
    BOOST_TEST(mode_of(path) == 0660U);
    check_refused(listen_unix(folder.file("t.sock"), 0660, "no-such-group-here"), errc::config,
                  "group no-such-group-here doesn't exist");
    BOOST_TEST(!std::filesystem::exists(folder.file("t.sock")));
}

BOOST_AUTO_TEST_CASE(a_live_socket_is_not_replaced) {
    TempFolder folder;
    const std::string path = folder.file("s.sock");
    const auto first = listen_unix(path, 0600);
    BOOST_REQUIRE(first.has_value());
    const ino_t inode = info_of(path).st_ino;
    check_refused(listen_unix(path, 0600), errc::locked, path);
    BOOST_TEST(info_of(path).st_ino == inode);
    BOOST_TEST(static_cast<bool>(connect_to(path)));
}

BOOST_AUTO_TEST_CASE(nor_a_busy_one_nor_one_of_another_type) {
    TempFolder folder;
    const std::string busy = folder.file("busy.sock");
    const UniqueFd listener = plain_socket(busy, SOCK_STREAM, true);
    std::vector<UniqueFd> queue;
    for (int i = 0; i < 8; ++i) {  // until its queue of 1 is full
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const sockaddr_un address = address_of(busy);
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        queue.push_back(std::move(fd));
    }
    check_refused(listen_unix(busy, 0600), errc::locked, "another process serves it");
    const std::string datagrams = folder.file("dgram.sock");
    const UniqueFd other = plain_socket(datagrams, SOCK_DGRAM, false);
    check_refused(listen_unix(datagrams, 0600), errc::locked, "another process serves it");
}

BOOST_AUTO_TEST_CASE(what_is_no_socket_is_left_alone) {
    TempFolder folder;
    const std::string file = folder.file("file");
    std::ofstream(file) << "precious";
    check_refused(listen_unix(file, 0600), errc::io, "isn't a socket");
    std::string text;
    std::ifstream(file) >> text;
    BOOST_TEST(text == "precious");
    const std::string link = folder.file("link");
    std::filesystem::create_symlink(folder.file("target"), link);
    check_refused(listen_unix(link, 0600), errc::io, "isn't a socket");
    BOOST_TEST(!std::filesystem::exists(folder.file("target")));
}

BOOST_AUTO_TEST_CASE(paths_that_cannot_be) {
    TempFolder folder;
    check_refused(listen_unix("", 0600), errc::config, "1 to 107 bytes");
    check_refused(listen_unix(folder.file(std::string(108, 'x')), 0600), errc::config,
                  "1 to 107 bytes");
    check_refused(listen_unix(folder.file("no/such/folder.sock"), 0600), errc::io,
                  "No such file or directory");
}

BOOST_AUTO_TEST_CASE(listeners_come_from_systemd) {
    TempFolder folder;
    BOOST_TEST(take_systemd_listeners().empty());
    Child child([&](Child&) {
        const auto one = plain_socket(folder.file("a"), SOCK_STREAM, true);
        const auto two = plain_socket(folder.file("b"), SOCK_STREAM, true);
        // High first, so that 3 and 4 can be taken whatever is there now.
        const int high_one = ::fcntl(one.get(), F_DUPFD, 100);
        const int high_two = ::fcntl(two.get(), F_DUPFD, 100);
        ::dup2(high_one, 3);
        ::dup2(high_two, 4);
        ::setenv("LISTEN_FDS", "2", 1);
        ::setenv("LISTEN_FDNAMES", "tokens:admin", 1);
        ::setenv("LISTEN_PID", std::to_string(::getppid()).c_str(), 1);
        if (!take_systemd_listeners().empty()) return 1;  // meant for another process
        ::setenv("LISTEN_FDS", "2", 1);
        ::setenv("LISTEN_FDNAMES", "tokens:admin", 1);
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        const auto taken = take_systemd_listeners();
        if (taken.size() != 2 || taken[0].first != "tokens" || taken[1].first != "admin") return 2;
        if (taken[0].second.get() != 3 || taken[1].second.get() != 4) return 3;
        for (const auto& [name, fd] : taken) {
            if ((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) == 0) return 4;
            if ((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) == 0) return 5;
            if (!check_listener(fd.get())) return 6;
        }
        for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"})
            if (std::getenv(name) != nullptr) return 7;
        return 0;
    });
    BOOST_TEST(child.reap() == 0);
}

BOOST_AUTO_TEST_CASE(only_a_listening_unix_stream_socket_is_a_listener) {
    TempFolder folder;
    const UniqueFd bound = plain_socket(folder.file("bound"), SOCK_STREAM, false);
    const UniqueFd datagrams = plain_socket(folder.file("dgram"), SOCK_DGRAM, false);
    const UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(::listen(tcp.get(), 1) == 0);
    for (const int fd : {bound.get(), datagrams.get(), tcp.get(), -1}) {
        const auto checked = check_listener(fd);
        BOOST_REQUIRE(checked.has_error());
        BOOST_TEST((checked.error().code == errc::config));
        BOOST_TEST(check_admin_listener(fd).has_error());
    }
}

BOOST_AUTO_TEST_CASE(an_admin_socket_keeps_others_out) {
    TempFolder folder;
    const std::string path = folder.file("admin.sock");
    const auto made = listen_unix(path, 0660);
    BOOST_REQUIRE(made.has_value());
    for (const unsigned mode : {0600U, 0660U, 0664U, 0755U}) {
        BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
        BOOST_TEST(check_admin_listener(made->get()).has_value());
    }
    for (const unsigned mode : {0666U, 0662U, 0777U}) {
        BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
        const auto checked = check_admin_listener(made->get());
        BOOST_REQUIRE(checked.has_error());
        BOOST_TEST((checked.error().code == errc::config));
        BOOST_TEST(checked.error().message.find(path) != std::string::npos);
        char octal[8];
        std::snprintf(octal, sizeof octal, "%04o", mode);
        BOOST_TEST(checked.error().message.find(octal) != std::string::npos,
                   checked.error().message);
    }
    if (is_root()) {
        BOOST_REQUIRE(::chmod(path.c_str(), 0600) == 0);
        BOOST_REQUIRE(::chown(path.c_str(), 4711, 0) == 0);
        const auto checked = check_admin_listener(made->get());
        BOOST_REQUIRE(checked.has_error());
        BOOST_TEST(checked.error().message.find("4711") != std::string::npos);
    }
    BOOST_REQUIRE(::unlink(path.c_str()) == 0);
    BOOST_TEST(check_admin_listener(made->get()).has_error());
}

BOOST_AUTO_TEST_CASE(an_admin_socket_without_a_file_is_refused) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;  // autobind: an abstract name
    BOOST_REQUIRE(
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)) == 0);
    BOOST_REQUIRE(::listen(fd.get(), 1) == 0);
    BOOST_TEST(check_listener(fd.get()).has_value());
    const auto checked = check_admin_listener(fd.get());
    BOOST_REQUIRE(checked.has_error());
    BOOST_TEST((checked.error().code == errc::config));
    BOOST_TEST(checked.error().message.find("no path") != std::string::npos);
}
