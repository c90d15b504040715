// Where a browser brings the answer of an authorization server: a listener on loopback for one
// request (RFC 8252 section 7.3). Browsers open connections that they never use, so several are
// served at once; what is not the awaited request gets 404 and changes nothing.
#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "cli/answer.hpp"

namespace tb::cli {

class RedirectListener {
  public:
    // "http://127.0.0.1/callback": http, loopback, any path. Port 0 or none: a free one.
    static Answer<RedirectListener> open(std::string_view uri);
    // With the port in it: what the authorization server is told.
    const std::string& uri() const { return uri_; }
    // The query of the first GET of our path whose `state` is the one we wait for. A failure after
    // timeout_ms.
    Answer<std::string> wait(std::string_view state, std::int64_t timeout_ms);

  private:
    RedirectListener(UniqueFd fd, std::string uri, std::string path)
        : fd_(std::move(fd)), uri_(std::move(uri)), path_(std::move(path)) {}
    UniqueFd fd_;
    std::string uri_;
    std::string path_;
};

// The value of one parameter of a query, decoded; empty if it isn't there.
std::string query_value(std::string_view query, std::string_view name);

}  // namespace tb::cli
