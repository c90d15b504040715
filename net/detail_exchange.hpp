// One exchange: kept connection or look-up, connect, CONNECT, handshake; then request and reply.
// Included by net/https_client.cpp alone. Must stay true:
//   one Deadline covers all of it, and ends it by closing what it waits for;
//   what stands in the socket when it is over is read first where a grant was spent (lateness.hpp);
//   after the first byte of the request may have left, only a whole reply is no failure;
//   a request that spends a grant is never sent twice.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/connect_race.hpp"
#include "net/detail_connection.hpp"
#include "net/detail_reply.hpp"
#include "net/failures.hpp"
#include "net/https_client.hpp"
#include "net/idle_pool.hpp"
#include "net/lateness.hpp"
#include "net/request_text.hpp"
#include "net/resolver.hpp"

namespace tb::net::detail {

// What all exchanges of the net thread share.
struct Shared {
    asio::any_io_executor executor;
    Clock& clock;
    const HttpsOptions& options;
    Resolver& resolver;
    TlsContexts& contexts;
    IdlePool<Connection>& pool;
};

class Exchange {
  public:
    Exchange(Shared& shared, http::Request request)
        : shared_(shared), request_(std::move(request)) {}

    awaitable<http::Outcome> run() {
        end_at(shared_.clock.now() + request_.timeout);
        if (prepare()) {
            co_await attempt(take_kept());
            // A kept connection that ended before a byte of the reply was closed by the server
            // while the request travelled, in all likelihood.
            if (kept_ && failure_ && !reply_begun_ && !request_.spends_grant && !over()) {
                failure_.reset();
                co_await attempt(nullptr);
            }
        }
        deadline_.reset();
        http::Outcome outcome;
        if (failure_)
            outcome = std::move(*failure_);
        else
            outcome = std::move(reply_);
        co_return outcome;
    }

    bool sent() const { return sent_; }
    void stop() {
        stopped_ = true;
        interrupt();
    }

  private:
    void end_at(BootTime at) {
        deadline_.emplace(shared_.clock, at, [this, at] { time_is_up(at); });
    }
    void time_is_up(BootTime due) {
        const BootTime now = shared_.clock.now();
        if (sent_ && request_.spends_grant)
            if (const auto more = put_off(now - due, times_put_off_++)) return end_at(now + *more);
        timed_out_ = true;
        interrupt();
    }
    bool over() const { return timed_out_ || stopped_; }
    void interrupt() {
        if (interrupt_) interrupt_();
    }

    // The first reason stays. What a deadline or a stop broke is theirs, whatever it looks like.
    void fail(std::string code, std::string reason) {
        if (failure_) return;
        if (stopped_) {
            code = "shutdown";
            reason = "the broker is stopping";
        } else if (timed_out_) {
            code = "timeout";
            reason = fmt::format("not done within {} ms: {}", request_.timeout.count(), stage_);
        }
        failure_ = failed(std::move(code), fmt::format("{}: {}", origin_.text, reason), sent_);
    }
    void fail_config(std::string code, std::string reason) {
        if (over()) return fail({}, {});
        failure_ = misconfigured(std::move(code), std::move(reason), sent_);
    }

    bool prepare() {
        origin_.text = request_.origin;
        auto origin = parse_origin(request_.origin);
        if (origin.has_error()) {
            fail_config("bad_request", origin.error().message);
            return false;
        }
        origin_ = std::move(*origin);
        if (!request_.proxy.empty()) {
            auto proxy = parse_proxy(request_.proxy);
            if (proxy.has_error()) {
                fail_config("proxy", proxy.error().message);
                return false;
            }
            proxy_ = std::move(*proxy);
        }
        auto text = request_text(request_, origin_, shared_.options.user_agent);
        if (text.has_error()) {
            failure_ = http::Failure{FailureClass::never, false,
                                     fmt::format("{}: {}", origin_.text, text.error().message),
                                     "bad_request"};
            return false;
        }
        text_ = std::move(*text);
        key_ = fmt::format("{}\n{}\n{}", origin_.text, request_.ca_file,
                           proxy_ ? proxy_->text : std::string());
        return true;
    }

    std::unique_ptr<Connection> take_kept() {
        const Millis below =
            request_.spends_grant ? shared_.options.spend_idle_max_ms : shared_.options.idle_max_ms;
        for (;;) {  // ends: each turn takes one out of the pool
            auto connection = shared_.pool.take(key_, shared_.clock.now(), below);
            if (!connection || connection->quiet()) return connection;
        }
    }

    awaitable<void> attempt(std::unique_ptr<Connection> kept) {
        kept_ = kept != nullptr;
        connection_ = std::move(kept);
        if (!kept_) co_await open();
        if (!failure_) co_await converse();
        if (!failure_ && reusable_)
            shared_.pool.put(key_, std::move(connection_), shared_.clock.now());
        connection_.reset();
    }

    awaitable<void> open() {
        co_await connect();
        if (!failure_ && proxy_) co_await tunnel();
        if (!failure_ && origin_.tls) co_await secure();
    }

    awaitable<void> connect() {
        const Origin& hop = proxy_ ? *proxy_ : origin_;
        const std::string who = proxy_ ? "proxy " + hop.host_and_port : hop.host;
        stage_ = "looking up " + who;
        interrupt_ = [this, host = hop.host] { shared_.resolver.wake(host); };
        const std::function<bool()> given_up = [this] { return over(); };
        const LookupResult found = co_await shared_.resolver.find(hop.host, given_up);
        if (over() || found.addresses.empty()) {
            interrupt_ = nullptr;
            co_return fail("dns", fmt::format("the look-up of {} failed: {}", who, found.error));
        }
        stage_ = "connecting to " + who;
        std::vector<tcp::endpoint> endpoints;
        for (const auto& address : found.addresses)
            endpoints.emplace_back(address, hop.port);
        const auto race = std::make_shared<ConnectRace>(shared_.executor, shared_.clock);
        interrupt_ = [race] { race->close(); };
        Connected connected = co_await race->run(std::move(endpoints));
        interrupt_ = nullptr;
        if (!connected.socket || over()) {
            shared_.resolver.distrust(hop.host);
            co_return fail(proxy_ ? "proxy" : "connect",
                           fmt::format("no connection to {}: {}", who, connected.error));
        }
        connection_ = std::make_unique<Connection>(std::move(*connected.socket));
    }

    awaitable<void> tunnel() {
        stage_ = "asking the proxy for a tunnel";
        const auto& options = shared_.options;
        const Secret text = connect_text(origin_, options.user_agent);
        ReplyReader reader(true);
        const Reading read = co_await talk(text.view(), &reader);
        const int status = reader.status();
        if (read == Reading::done && status / 100 == 2 && reader.nothing_follows()) co_return;
        if (read == Reading::done && status == 407)
            co_return fail_config("proxy", fmt::format("proxy {} wants a login, which is not "
                                                       "supported; let it pass this host",
                                                       proxy_->host_and_port));
        if (over()) co_return fail({}, {});
        fail("proxy", read == Reading::done ? fmt::format("proxy {} refused the tunnel (status {})",
                                                          proxy_->host_and_port, status)
                                            : fmt::format("proxy {}: {}", proxy_->host_and_port,
                                                          reader.failure().reason));
    }

    awaitable<void> secure() {
        stage_ = "TLS handshake";
        auto context = shared_.contexts.get(request_.ca_file);
        if (context.has_error())
            co_return fail_config("tls_verify", origin_.text + ": " + context.error().message);
        connection_->prepare_tls(*context, origin_);
        interrupt_ = [this] { connection_->close(); };
        const error_code error = co_await connection_->handshake();
        interrupt_ = nullptr;
        if (!error && !over()) co_return;
        const long verified = connection_->verify_result();
        if (verified == X509_V_OK)
            co_return fail("tls", "the TLS handshake failed: " + error.message());
        if (request_.ca_file.empty()) shared_.contexts.forget(request_.ca_file);
        fail_config("tls_verify", explain_verify(verified, origin_, request_.ca_file));
    }

    awaitable<void> converse() {
        stage_ = "waiting for the reply";
        const bool head = request_.method == "HEAD";  // its reply has no body, whatever it says
        ReplyReader reader(head);
        const BootTime sent_at = shared_.clock.now();
        sent_ = true;
        const Reading read = co_await talk(text_.view(), &reader);
        reply_begun_ = reader.any_byte();
        if (read == Reading::done) {
            reusable_ = !head && reader.reusable() && connection_->drained();
            reply_ = reader.take();
            reply_.sent_at = sent_at;
            reply_.received_wall = shared_.clock.wall();
            if (const auto ends = connection_->certificate_ends())
                reply_.certificate_ends = wall_from_ms(*ends);
            co_return;
        }
        if (over()) co_return fail({}, {});
        failure_ = reader.failure();
        failure_->reason = fmt::format("{}: {}", origin_.text, failure_->reason);
    }

    // Writes `text` and reads one reply. `reader` is the caller's, which waits for this.
    awaitable<Reading> talk(std::string_view text, ReplyReader* reader) {
        if (over()) co_return Reading::failed;
        interrupt_ = [this] { connection_->close(); };
        const error_code unwritten = co_await connection_->write(text);
        // A server may answer and close before it took all of the request.
        (void)unwritten;
        Reading state = Reading::more;
        while (state == Reading::more) {
            const asio::mutable_buffer space = reader->space();
            const Connection::Read read = co_await connection_->read_some(space);
            state =
                read.error ? reader->ended(read.error == asio::error::eof) : reader->got(read.n);
        }
        interrupt_ = nullptr;
        co_return state;
    }

    Shared& shared_;
    http::Request request_;
    Origin origin_;
    std::optional<Origin> proxy_;
    Secret text_;      // the request as sent
    std::string key_;  // of kept connections that may carry it
    std::unique_ptr<Connection> connection_;
    bool kept_ = false;  // connection_ has carried a request before
    bool sent_ = false;
    bool reply_begun_ = false;
    bool reusable_ = false;
    std::optional<Deadline> deadline_;
    int times_put_off_ = 0;
    bool timed_out_ = false;
    bool stopped_ = false;
    std::string stage_ = "not begun";  // what it was doing, for people
    std::function<void()> interrupt_;  // ends the wait it is in, if any
    http::Reply reply_;
    std::optional<http::Failure> failure_;
};

}  // namespace tb::net::detail
