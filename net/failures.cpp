// Classes by status follow docs/providers: 502 and 504 come from a gateway that may have passed the
// request on, so they leave it open whether it was processed.
#include "net/failures.hpp"

#include <fmt/core.h>

#include <utility>

namespace tb::net {
namespace {

FailureClass class_of(int status) {
    switch (status) {
        case 408:
        case 425:
        case 429:
            return FailureClass::retry;
        case 502:
        case 504:
            return FailureClass::ambiguous;
        default:
            break;
    }
    if (status >= 500) return FailureClass::retry;
    return status >= 300 ? FailureClass::never : FailureClass::ambiguous;
}

}  // namespace

http::Failure failed(std::string code, std::string reason, bool sent) {
    const FailureClass failure = sent ? FailureClass::ambiguous : FailureClass::retry;
    return http::Failure{failure, sent, std::move(reason), std::move(code)};
}

http::Failure misconfigured(std::string code, std::string reason, bool sent) {
    return http::Failure{FailureClass::config, sent, std::move(reason), std::move(code)};
}

http::Failure unusable(int status, std::string code, std::string reason) {
    if (status != 0) reason = fmt::format("{} (status {})", reason, status);
    return http::Failure{class_of(status), true, std::move(reason), std::move(code)};
}

int status_of(std::string_view raw) {
    if (raw.size() < 12 || !raw.starts_with("HTTP/1.") || raw[8] != ' ') return 0;
    int status = 0;
    for (const char c : raw.substr(9, 3)) {
        if (c < '0' || c > '9') return 0;
        status = status * 10 + (c - '0');
    }
    return status;
}

}  // namespace tb::net
