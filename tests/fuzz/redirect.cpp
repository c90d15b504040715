// What a browser brings to `tokenbroker login`, and where it may be sent: a query's value is the
// first of its name, and a redirect address is this host's alone.
// Input: a redirect address on the first line, then a query.
#include <boost/url/parse.hpp>
#include <cstdint>

#include "base/check.hpp"
#include "base/redirect.hpp"
#include "cli/loopback.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = std::min(text.find('\n'), size);
    const std::string_view uri = text.substr(0, end);
    if (tb::is_loopback_redirect(uri)) {
        const auto parsed = boost::urls::parse_uri(uri);
        TB_ASSERT(parsed && parsed->scheme_id() == boost::urls::scheme::http &&
                  !parsed->has_userinfo());
        const auto host = parsed->host();
        TB_ASSERT(host == "127.0.0.1" || host == "[::1]" || host == "localhost");
    }
    const std::string_view query = text.substr(std::min(end + 1, size));
    const std::string value = tb::cli::query_value(query, "state");
    TB_ASSERT(value.size() <= query.size());
    if (query.find("state") == std::string_view::npos && query.find('%') == std::string_view::npos)
        TB_ASSERT(value.empty());
    return 0;
}
