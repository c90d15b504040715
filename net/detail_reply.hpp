// One HTTP reply out of the bytes of a connection. Beast parses; the rest is what we refuse: too
// long, framed in two ways, encoded, an upgrade. Included by net/https_client.cpp alone. The raw
// bytes and the body live in memory that is wiped.
#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/http.hpp"
#include "base/limits.hpp"
#include "net/failures.hpp"

namespace tb::net::detail {

namespace beast = boost::beast;
using boost::system::error_code;

class ReplyParser final : public beast::http::basic_parser<false> {
  public:
    explicit ReplyParser(bool header_only) {
        eager(true);
        skip(header_only);
        header_limit(static_cast<std::uint32_t>(limits::reply_bytes_max));
        body_limit(limits::reply_bytes_max);
    }
    http::Reply reply;
    const char* refused = nullptr;  // why we, not Beast, refuse it
    bool too_large = false;

  private:
    using View = beast::string_view;

    void refuse(const char* why, error_code& error) {
        refused = why;
        error = beast::http::error::bad_value;
    }
    void on_request_impl(beast::http::verb, View, View, int, error_code&) override {}
    void on_response_impl(int status, View, int, error_code& error) override {
        reply.status = status;
        if (status < 100) refuse("its status is none", error);  // any three digits, for Beast
    }
    void on_field_impl(beast::http::field field, View name, View value,
                       error_code& error) override {
        if (is_header_done()) return;  // a trailer
        if (reply.headers.size() >= limits::reply_headers_max) {
            too_large = true;
            return refuse("too many headers", error);
        }
        if (field == beast::http::field::transfer_encoding && !beast::iequals(value, "chunked"))
            return refuse("a transfer encoding that nobody asked for", error);
        std::string key(name);
        for (char& c : key)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        reply.headers.emplace_back(std::move(key), std::string(value));
    }
    void on_header_impl(error_code& error) override {
        if (reply.status == 101) return refuse("it switches protocols", error);
        for (const auto& [name, value] : reply.headers)
            if (name == "content-encoding" && !value.empty() && !beast::iequals(value, "identity"))
                return refuse("a content encoding that nobody asked for", error);
    }
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
        if (length) reply.body.reserve(static_cast<std::size_t>(*length));  // within body_limit
    }
    std::size_t on_body_impl(View body, error_code&) override {
        reply.body.append({body.data(), body.size()});
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, View body, error_code&) override {
        reply.body.append({body.data(), body.size()});
        return body.size();
    }
    void on_finish_impl(error_code&) override {}
};

enum class Reading : std::uint8_t { more, done, failed };

class ReplyReader {
  public:
    explicit ReplyReader(bool header_only) : header_only_(header_only) {
        raw_.resize(bytes_first);
        parser_.emplace(header_only);
    }

    // Where the next bytes go: never empty, as got() fails before the limit is outgrown.
    asio::mutable_buffer space() {
        if (raw_.size() - used_ < bytes_first / 4)
            raw_.resize(std::min(raw_.size() * 2, limits::reply_bytes_max + bytes_first));
        return {raw_.data() + used_, raw_.size() - used_};
    }

    Reading got(std::size_t n) {
        used_ += n;
        total_ += n;
        while (used_ > 0) {
            error_code error;
            const std::size_t taken = parser_->put(asio::buffer(raw_.data(), used_), error);
            if (error && error != beast::http::error::need_more) return fail(error);
            drop(taken);
            if (!parser_->is_done()) {
                if (total_ > limits::reply_bytes_max) return fail_too_large();
                if (error || taken == 0) break;
                continue;
            }
            if (total_ - used_ > limits::reply_bytes_max) return fail_too_large();
            if (parser_->reply.status / 100 != 1) return Reading::done;
            parser_.emplace(header_only_);  // 100 Continue, 103 Early Hints
        }
        return Reading::more;
    }

    // The connection ended; `clean` means the peer said so (TLS) or could not (plain).
    Reading ended(bool clean) {
        error_code error;
        if (clean && used_ == 0 && parser_->is_header_done() && parser_->need_eof()) {
            parser_->put_eof(error);
            if (!error) return Reading::done;
        }
        failure_ = total_ == 0 ? failed("reset", "the connection ended before a reply", true)
                               : failed("truncated", "the connection ended within the reply", true);
        return Reading::failed;
    }

    bool any_byte() const { return total_ > 0; }
    int status() const { return parser_->reply.status; }
    // Nothing follows the reply, and the server keeps the connection.
    bool reusable() const { return used_ == 0 && parser_->keep_alive() && !parser_->need_eof(); }
    bool nothing_follows() const { return used_ == 0; }
    http::Reply take() { return std::move(parser_->reply); }
    http::Failure failure() { return std::move(failure_); }

  private:
    static constexpr std::size_t bytes_first = 8 * 1024;  // the largest known reply fits

    void drop(std::size_t n) {
        std::memmove(raw_.data(), raw_.data() + n, used_ - n);
        used_ -= n;
    }
    Reading fail(const error_code& error) {
        namespace bh = beast::http;
        if (parser_->too_large || error == bh::error::body_limit ||
            error == bh::error::header_limit)
            return fail_too_large();
        if (parser_->refused != nullptr)
            failure_ = unusable(status(), "bad_reply",
                                std::string("the reply can't be used: ") + parser_->refused);
        else
            failure_ = failed("bad_reply", "the reply is not HTTP: " + error.message(), true);
        return Reading::failed;
    }
    Reading fail_too_large() {
        // A header without end is not parsed yet.
        const int seen = status() != 0 ? status() : status_of({raw_.data(), used_});
        failure_ = unusable(seen, "too_large",
                            fmt::format("the reply exceeds {} bytes or {} headers",
                                        limits::reply_bytes_max, limits::reply_headers_max));
        return Reading::failed;
    }

    bool header_only_;
    std::optional<ReplyParser> parser_;
    Secret raw_;
    std::size_t used_ = 0;   // bytes in raw_ not parsed yet
    std::size_t total_ = 0;  // bytes received
    http::Failure failure_;
};

}  // namespace tb::net::detail
