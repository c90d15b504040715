// Trust: one SSL_CTX a CA file, what a certificate must satisfy, and resumable sessions an origin.
// Included by net/https_client.cpp alone. Must stay true: verification can't be switched off; a
// session is only ever offered to the origin and trust it was made under; no early data.
#pragma once

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "net/origin.hpp"

namespace tb::net::detail {

class TlsContext;

// What an SSL carries, in an ex_data slot of ours (the app data slot is Asio's).
struct SessionOwner {
    TlsContext* context;
    std::string key;
};

inline int session_owner_slot() {
    static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

inline std::string last_openssl_error() {
    char text[256] = "unknown";
    if (const unsigned long code = ERR_get_error(); code != 0)
        ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return text;
}

class TlsContext {
  public:
    static Result<std::shared_ptr<TlsContext>> create(const std::string& ca_file) {
        auto out = std::make_shared<TlsContext>();
        SSL_CTX* ctx = out->context_.native_handle();
        ERR_clear_error();
        const bool loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(ctx) == 1
                                            : SSL_CTX_load_verify_file(ctx, ca_file.c_str()) == 1;
        if (!loaded)
            return Error{errc::config, fmt::format("ca_file {} can't be used: {}", ca_file,
                                                   last_openssl_error())};
        // Whatever the operator put into the file is an anchor, a single server certificate too.
        if (!ca_file.empty())
            X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
        return out;
    }

    TlsContext() : context_(asio::ssl::context::tls_client) {
        SSL_CTX* ctx = context_.native_handle();
        TB_ASSERT(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
        SSL_CTX_clear_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
        SSL_CTX_set_options(
            ctx, SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
        constexpr unsigned char http_1_1[] = "\x08http/1.1";
        TB_ASSERT(SSL_CTX_set_alpn_protos(ctx, http_1_1, sizeof http_1_1 - 1) == 0);
        // TLS 1.3 tickets come after the handshake: only the callback sees them.
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, &TlsContext::on_new_session);
    }

    asio::ssl::context& context() { return context_; }

    // Before the handshake: who the peer must be, and the session to resume, if there is one.
    void prepare(SSL* ssl, const Origin& origin, SessionOwner& owner) {
        X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (origin.is_address) {
            TB_ASSERT(X509_VERIFY_PARAM_set1_ip_asc(param, origin.host.c_str()) == 1);
        } else {
            TB_ASSERT(X509_VERIFY_PARAM_set1_host(param, origin.host.c_str(), 0) == 1);
            TB_ASSERT(SSL_set_tlsext_host_name(ssl, origin.host.c_str()) == 1);
        }
        TB_ASSERT(SSL_set_ex_data(ssl, session_owner_slot(), &owner) == 1);
        if (const auto found = sessions_.find(owner.key); found != sessions_.end())
            (void)SSL_set_session(ssl, found->second.get());
    }

    void forget_session(const std::string& key) { sessions_.erase(key); }

  private:
    struct FreeSession {
        void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
    };

    static int on_new_session(SSL* ssl, SSL_SESSION* session) {
        auto* owner = static_cast<SessionOwner*>(SSL_get_ex_data(ssl, session_owner_slot()));
        if (owner == nullptr || SSL_SESSION_is_resumable(session) == 0) return 0;
        auto& sessions = owner->context->sessions_;
        if (sessions.size() >= limits::names_remembered_max) sessions.clear();
        sessions[owner->key].reset(session);
        return 1;  // the reference is ours now
    }

    asio::ssl::context context_;
    std::unordered_map<std::string, std::unique_ptr<SSL_SESSION, FreeSession>> sessions_;
};

// The contexts by CA file ("" = the system's store). A file that changed on disk is read again;
// connections in flight keep the context they began with.
class TlsContexts {
  public:
    Result<std::shared_ptr<TlsContext>> get(const std::string& ca_file) {
        struct stat now{};
        if (!ca_file.empty() && ::stat(ca_file.c_str(), &now) != 0)
            return Error{errc::config, fmt::format("ca_file {} can't be read: {}", ca_file,
                                                   strerrordesc_np(errno))};
        if (const auto found = known_.find(ca_file);
            found != known_.end() && same_file(found->second.file, now))
            return found->second.context;
        if (known_.size() >= limits::names_remembered_max) known_.clear();
        auto made = TlsContext::create(ca_file);
        if (made.has_value()) known_[ca_file] = Known{now, *made};
        return made;
    }

    // A system store shows no change: it is read again after a server was not trusted.
    void forget(const std::string& ca_file) { known_.erase(ca_file); }

  private:
    struct Known {
        struct stat file;
        std::shared_ptr<TlsContext> context;
    };
    static bool same_file(const struct stat& a, const struct stat& b) {
        return a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_size == b.st_size &&
               a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
    }
    std::map<std::string, Known> known_;
};

// Which certificate problem, of whom, and what to do.
inline std::string explain_verify(long result, const Origin& origin, const std::string& ca_file) {
    std::string_view advice;
    switch (result) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            advice = "the certificate is for another name; check base_url";
            break;
        case X509_V_ERR_CERT_HAS_EXPIRED:
            advice = "the server needs a new certificate, unless this host's clock is wrong";
            break;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            advice = "check this host's clock";
            break;
        case X509_V_ERR_CERT_REVOKED:
            advice = "the server needs a new certificate";
            break;
        default:
            advice = ca_file.empty() ? "if the server is yours, name its CA in ca_file"
                                     : "check that ca_file holds the CA of this server";
    }
    return fmt::format("{}: certificate not trusted: {} ({}); {}", origin.text,
                       X509_verify_cert_error_string(result),
                       ca_file.empty() ? "system store" : ca_file, advice);
}

}  // namespace tb::net::detail
