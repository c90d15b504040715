// Sockets and OpenSSL in their blocking forms. Ended by shutting its sockets down.
#include "test_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "base/check.hpp"

namespace tb::net::test {
namespace {

int choose_http_1_1(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* in,
                    unsigned n, void*) {
    static constexpr unsigned char wanted[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, length, wanted, sizeof wanted - 1, in, n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

SSL_CTX* make_context(int version_max) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (version_max != 0) {
        TB_ASSERT(SSL_CTX_set_max_proto_version(context, version_max) == 1);
        TB_ASSERT(SSL_CTX_set_min_proto_version(context, TLS1_VERSION) == 1);
        TB_ASSERT(SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0") == 1);
    }
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("t"), 1);
    SSL_CTX_set_alpn_select_cb(context, choose_http_1_1, nullptr);
    return context;
}

int listen_on(const ServerOptions& options) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TB_ASSERT(fd >= 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(options.port);
    TB_ASSERT(inet_pton(AF_INET, options.address.c_str(), &at.sin_addr) == 1);
    TB_ASSERT(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    TB_ASSERT(::listen(fd, options.backlog) == 0);
    return fd;
}

std::uint16_t port_of(int fd) {
    sockaddr_in at{};
    socklen_t n = sizeof at;
    TB_ASSERT(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &n) == 0);
    return ntohs(at.sin_port);
}

}  // namespace

int Peer::read(char* at, int n) {
    ERR_clear_error();
    return ssl_ != nullptr ? SSL_read(ssl_, at, n)
                           : static_cast<int>(::recv(fd_, at, static_cast<std::size_t>(n), 0));
}

bool Peer::read_request() {
    request_.clear();
    std::size_t whole = std::string::npos;
    char piece[4096];
    while (request_.size() < whole) {
        const int n = read(piece, sizeof piece);
        if (n <= 0) return false;
        request_.append(piece, static_cast<std::size_t>(n));
        const std::size_t end = request_.find("\r\n\r\n");
        if (end == std::string::npos || whole != std::string::npos) continue;
        const std::size_t length = request_.find("Content-Length: ");
        whole = end + 4;
        if (length < end) whole += std::strtoul(request_.c_str() + length + 16, nullptr, 10);
    }
    const std::lock_guard lock(server_.mutex_);
    server_.last_request_ = request_;
    ++server_.requests_;
    server_.changed_.notify_all();
    return true;
}

bool Peer::send(std::string_view bytes) {
    ERR_clear_error();
    const int n = static_cast<int>(bytes.size());
    if (ssl_ != nullptr) return SSL_write(ssl_, bytes.data(), n) == n;
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == n;
}

void Peer::hold() {
    char ignored[4096];
    while (::recv(fd_, ignored, sizeof ignored, 0) > 0) {
    }
}

void Peer::wait_for_byte() {
    char ignored = 0;
    (void)::recv(fd_, &ignored, 1, MSG_PEEK);
}

void Peer::reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Peer::cut() {
    ::shutdown(fd_, SHUT_WR);
}

void Peer::close_notify() {
    if (ssl_ != nullptr) SSL_shutdown(ssl_);
    ::shutdown(fd_, SHUT_WR);
}

bool Peer::handshake() {
    {
        const std::lock_guard lock(server_.mutex_);
        ssl_ = SSL_new(server_.context_);
    }
    SSL_set_fd(ssl_, fd_);
    if (SSL_accept(ssl_) != 1) return false;
    if (SSL_session_reused(ssl_) == 1) ++server_.resumed_;
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    const std::lock_guard lock(server_.mutex_);
    server_.last_server_name_ = name != nullptr ? name : "";
    return true;
}

void serve_all(Peer& peer) {
    while (peer.read_request())
        if (!peer.send(reply_of(R"({"ok":true})"))) return;
}

TestServer::TestServer(const Identity* identity, ServerOptions options)
    : options_(std::move(options)) {
    signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    if (!options_.plain) {
        context_ = make_context(options_.version_max);
        if (identity != nullptr) replace(*identity);
    }
    listener_ = listen_on(options_);
    port_ = port_of(listener_);
    if (options_.accepts) acceptor_ = std::thread(&TestServer::accept_all, this);
}

TestServer::~TestServer() {
    ::shutdown(listener_, SHUT_RDWR);
    if (acceptor_.joinable()) acceptor_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const int fd : open_)
            ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_)
        thread.join();
    ::close(listener_);
    SSL_CTX_free(context_);
}

void TestServer::replace(const Identity& identity) {
    const std::lock_guard lock(mutex_);
    SSL_CTX* fresh = make_context(options_.version_max);
    TB_ASSERT(SSL_CTX_use_certificate(fresh, identity.certificate.get()) == 1);
    TB_ASSERT(SSL_CTX_use_PrivateKey(fresh, identity.key.get()) == 1);
    SSL_CTX_free(context_);
    context_ = fresh;
}

std::string TestServer::origin(const std::string& host) const {
    return (options_.plain ? "http://" : "https://") + host + ":" + std::to_string(port_);
}

std::string TestServer::last_request() const {
    const std::lock_guard lock(mutex_);
    return last_request_;
}

std::string TestServer::last_server_name() const {
    const std::lock_guard lock(mutex_);
    return last_server_name_;
}

void TestServer::wait_for_requests(int n) {
    std::unique_lock lock(mutex_);
    TB_ASSERT(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return requests_ >= n; }));
}

void TestServer::wait_for_closed(int n) {
    std::unique_lock lock(mutex_);
    TB_ASSERT(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return closed_ >= n; }));
}

void TestServer::accept_all() {
    for (;;) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) return;
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const std::lock_guard lock(mutex_);
        open_.insert(fd);
        threads_.emplace_back(&TestServer::run, this, fd, ++connections_);
    }
}

void TestServer::run(int fd, int number) {
    Peer peer(*this, fd, number);
    if (options_.raw)
        options_.raw(peer);
    else if (options_.plain || peer.handshake())
        options_.script(peer);
    const std::lock_guard lock(mutex_);
    open_.erase(fd);
    if (peer.ssl_ != nullptr) SSL_free(peer.ssl_);
    ::close(fd);
    ++closed_;
    changed_.notify_all();
}

}  // namespace tb::net::test
