// The one place where bytes from a socket become JSON: a strict parser with our limits. Used by
// message.cpp; nobody else needs it.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "base/error.hpp"

namespace tb::proto {

// One object and nothing after it. Errors: protocol, for bad JSON, invalid UTF-8, anything but an
// object, nesting beyond limits::json_depth_max, more than `members_max` members in all, or a name
// that appears twice in one object (two readers would disagree on which one counts). What is parsed
// lies in memory that is wiped when freed.
Result<boost::json::object> parse_object(std::string_view text, std::size_t members_max);

}  // namespace tb::proto
