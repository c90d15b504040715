// One connection of bench/tls_provider, and how it does TLS.
#pragma once

#include <openssl/ssl.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "bench/token_endpoint.hpp"

namespace tb::bench {

struct Connection {
    int fd = -1;
    std::uint64_t id = 0;
    SSL* ssl = nullptr;
    bool handshaken = false;
    bool ending = false;  // closed once `out` is sent
    std::string in;
    std::string out;
    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() {
        SSL_free(ssl);
        ::close(fd);
    }
};

struct Later {  // a reply on its way; latency is the same for all, so they come due in order
    Time at;
    std::uint64_t connection;
    std::string reply;
};

inline SSL_CTX* server_context(const Wish& wish) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    const char* file = wish.chain.c_str();
    if (SSL_CTX_use_certificate_chain_file(context, file) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) != 1)
        give_up(wish.chain + " holds no key and certificate");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (!wish.close) return context;
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    return context;
}

}  // namespace tb::bench
