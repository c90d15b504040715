// One connection: TCP, and TLS over it. Included by net/https_client.cpp alone. Closed by closing
// the socket, never by a TLS shutdown, which may hang.
#pragma once

#include <sys/socket.h>
#include <time.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/async.hpp"
#include "net/detail_tls.hpp"

namespace tb::net::detail {

using asio::ip::tcp;
using boost::system::error_code;

class Connection {
  public:
    explicit Connection(tcp::socket socket) : socket_(std::move(socket)) {}
    ~Connection() {
        // Without this OpenSSL takes the missing shutdown for an attack and makes the session
        // unusable: resumption would silently never happen.
        if (handshaken_)
            SSL_set_shutdown(tls_->native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void prepare_tls(std::shared_ptr<TlsContext> context, const Origin& origin) {
        context_ = std::move(context);
        owner_ = SessionOwner{context_.get(), origin.host_and_port};
        tls_.emplace(socket_, context_->context());
        context_->prepare(tls_->native_handle(), origin, owner_);
    }

    awaitable<error_code> handshake() {
        const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client,
                                                            asio::as_tuple(asio::use_awaitable));
        handshaken_ = !error;
        if (error) context_->forget_session(owner_.key);
        co_return error;
    }

    // X509_V_OK unless the handshake failed for the certificate.
    long verify_result() { return SSL_get_verify_result(tls_->native_handle()); }

    // When the server's certificate ends, in milliseconds since the Unix epoch.
    std::optional<std::int64_t> certificate_ends() {
        const X509* certificate = tls_ ? SSL_get0_peer_certificate(tls_->native_handle()) : nullptr;
        tm parts{};
        if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
            return std::nullopt;
        return std::int64_t{::timegm(&parts)} * 1000;
    }

    // `bytes` stay the caller's until it ends.
    awaitable<error_code> write(std::string_view bytes) {
        const asio::const_buffer buffer(bytes.data(), bytes.size());
        if (tls_) {
            const auto [error, n] =
                co_await asio::async_write(*tls_, buffer, asio::as_tuple(asio::use_awaitable));
            co_return error;
        }
        const auto [error, n] =
            co_await asio::async_write(socket_, buffer, asio::as_tuple(asio::use_awaitable));
        co_return error;
    }

    struct Read {
        error_code error;
        std::size_t n;
    };
    awaitable<Read> read_some(asio::mutable_buffer buffer) {
        Read read{};
        if (tls_) {
            const auto [error, n] =
                co_await tls_->async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
            read = Read{error, n};
        } else {
            const auto [error, n] =
                co_await socket_.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
            read = Read{error, n};
        }
        co_return read;
    }

    // Nothing of the peer's lies unread within us: bytes after a reply mean that one of the two
    // has lost count.
    bool drained() {
        if (!tls_) return true;
        SSL* ssl = tls_->native_handle();
        return SSL_has_pending(ssl) == 0 && BIO_ctrl_pending(SSL_get_rbio(ssl)) == 0;
    }

    // The peer has neither closed nor sent anything: asked of the kernel before each use.
    bool quiet() {
        char byte = 0;
        const ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }

    void close() {
        error_code ignored;
        socket_.close(ignored);
    }

  private:
    tcp::socket socket_;
    std::shared_ptr<TlsContext> context_;
    SessionOwner owner_{};
    std::optional<asio::ssl::stream<tcp::socket&>> tls_;  // ends before what it refers to
    bool handshaken_ = false;
};

}  // namespace tb::net::detail
