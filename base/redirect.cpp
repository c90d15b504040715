// See redirect.hpp.
#include "base/redirect.hpp"

#include <boost/url/parse.hpp>
#include <string>

namespace tb {

bool is_loopback_redirect(std::string_view uri) {
    const auto url = boost::urls::parse_uri(uri);
    if (!url || url->scheme_id() != boost::urls::scheme::http) return false;
    if (url->has_userinfo() || url->has_query() || url->has_fragment()) return false;
    const std::string host = url->host();
    return host == "127.0.0.1" || host == "[::1]" || host == "localhost";
}

}  // namespace tb
