// Selectors of access rules as a test writes them.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string_view>

#include "daemon/access_selector.hpp"

namespace tb::daemon::testing {

inline Selector selector(std::string_view text) {
    Result<Selector> parsed = parse_selector(text);
    BOOST_REQUIRE(parsed.has_value());
    return *parsed;
}

}  // namespace tb::daemon::testing
